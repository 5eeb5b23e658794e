"""The table of a suite: which case covers which cell, which form can express it, what was not reached; as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nsmodel.report.console import plural
from nsmodel.report.output import CaseInfo, CellInfo, SuiteOutput

NAME = "TABLE.md"
"""The file's name in the folder of the suite."""


def table(output: SuiteOutput) -> str:
    """The whole file."""
    cases = {case.name: case for case in output.cases}
    covered = [cell for cell in output.cells if cell.case is not None]
    parts = [_head(output)]
    head = ["cell", "call", "case", *output.forms]
    rows = [_cell_row(cell, cases[cell.case or ""], output.forms) for cell in covered]
    parts.append(_section("Cells", head, rows, "No cell was reached."))
    apart = [
        [cell.cell, form, reason]
        for cell in covered
        for form, reason in cases[cell.case or ""].cannot.items()
        if not cases[cell.case or ""].files
    ]
    if apart:
        parts.append(_section("What no form can express", ["cell", "form", "why"], apart))
    missing = [[cell.cell, cell.why or ""] for cell in output.cells if cell.case is None]
    if missing:
        parts.append(_section("What was not reached", ["cell", "why"], missing))
    head = ["file", "what it tests", "fails under", "goes otherwise on"]
    parts.append(_section("Files", head, list(_file_rows(output.cases)), "No file was written."))
    return "\n".join(parts)


def _head(output: SuiteOutput) -> str:
    covered = sum(cell.case is not None for cell in output.cells)
    killed = sum(bool(case.killers) for case in output.cases)
    how = "every state of the scope" if output.complete else f"every run of up to {plural(output.depth, 'call')}"
    lines = [
        f"# Edge cases of {output.spec}",
        "",
        f"{plural(covered, 'cell')} of {len(output.cells)} in {plural(len(output.cases), 'case')}, of which {killed}"
        f" fail under some mutant of the model; the others are kept for coverage. Kernel: {output.kernel}; scope:"
        f" {output.scope.name}; {how}, {output.states:,} states.",
    ]
    lines += [f"The search was stopped early: {output.stopped}."] if output.stopped else []
    lines += ["The search was interrupted."] if output.interrupted else []
    for cover in output.covers:
        if cover in output.looked:
            lines.append(f"{cover}: every call of every run of up to {plural(output.looked[cover], 'call')}.")
    return "\n".join(lines) + "\n"


def _cell_row(cell: CellInfo, case: CaseInfo, forms: Sequence[str]) -> list[str]:
    marks = ["yes" if form in case.files else case.cannot.get(form, "no") for form in forms]
    return [cell.cell, f"{cell.step} of {case.steps}", case.name, *marks]


def _file_rows(cases: Iterable[CaseInfo]) -> Iterable[list[str]]:
    for case in cases:
        for file in case.files.values():
            killers = ", ".join(case.killers) or "nothing: kept for coverage"
            others = ", ".join(f"{v.kernel} ({', '.join(v.bugs)})" for v in case.variants)
            yield [file, case.title, killers, others]


def _section(title: str, head: Sequence[str], rows: Sequence[Sequence[str]], none: str = "") -> str:
    lines = [f"## {title}", ""]
    if not rows:
        return "\n".join([*lines, none, ""])
    lines += [_row(head), _row(["---"] * len(head)), *(_row(row) for row in rows)]
    return "\n".join([*lines, ""])


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
