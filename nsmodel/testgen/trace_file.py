"""A case as a trace file, for `nsmodel replay` and `nsmodel show`."""

from __future__ import annotations

from nsmodel.testgen.case import Case
from nsmodel.traces.trace import encode


class TraceFile:
    """The trace of a case as JSON: what it expects of the kernel as it should be."""

    name = "trace"
    suffix = ".json"

    def cannot(self, case: Case) -> str | None:
        """Every trace can be written."""
        return None

    def write(self, case: Case) -> str:
        """The trace."""
        return encode(case.trace).decode()


TRACE = TraceFile()
