"""The table of a suite: which form covers which cell, and why one does not."""

from nsmodel.report.output import CaseInfo, CaseVariant, CellInfo, ScopeInfo, SuiteOutput
from nsmodel.testgen.table import table

CASE = CaseInfo(
    name="umount2-EBUSY",
    title="umount2 fails with EBUSY: in use",
    steps=3,
    cells=["errnos umount2|EBUSY"],
    files={"c": "umount2-EBUSY.c"},
    cannot={"shell": "umount(8) does more than the call"},
    killers=["MP19"],
    variants=[CaseVariant("6.18", ["MP19"])],
)
NEITHER = CaseInfo(
    name="seal-ok",
    title="seal succeeds",
    steps=1,
    cells=["errnos seal|ok"],
    files={},
    cannot={"shell": "no such call", "c": "no such call either"},
    killers=[],
    variants=[],
)


def cell(key: str, case: str | None, step: int | None, why: str | None = None) -> CellInfo:
    return CellInfo(
        cover="errnos", operation=key.split("|")[0], cell=f"errnos {key}", title="", case=case, step=step, why=why
    )


def output(*, complete: bool) -> SuiteOutput:
    return SuiteOutput(
        command="tests",
        exit=0,
        seconds=1.0,
        spec="demo",
        kernel="fixed",
        scope=ScopeInfo("default", {}, 4),
        covers=["errnos"],
        forms=["shell", "c"],
        folder="out",
        depth=4,
        states=1234,
        complete=complete,
        stopped=None,
        interrupted=False,
        looked={},
        cells=[
            cell("umount2|EBUSY", "umount2-EBUSY", 3),
            cell("seal|ok", "seal-ok", 1),
            cell("setns|EUSERS", None, None, "not reached in depth 4"),
        ],
        cases=[CASE, NEITHER],
    )


def test_the_whole_table() -> None:
    lines = table(output(complete=False)).splitlines()
    assert lines[0] == "# Edge cases of demo"
    assert "2 cells of 3 in 2 cases, of which 1 fail" in lines[2] and "every run of up to 4 calls" in lines[2]
    assert "| errnos umount2\\|EBUSY | 3 of 3 | umount2-EBUSY | umount(8) does more than the call | yes |" in lines
    assert "| errnos seal\\|ok | c | no such call either |" in lines
    assert "| errnos setns\\|EUSERS | not reached in depth 4 |" in lines
    assert "| umount2-EBUSY.c | umount2 fails with EBUSY: in use | MP19 | 6.18 (MP19) |" in lines


def test_a_whole_scope() -> None:
    assert "every state of the scope, 1,234 states" in table(output(complete=True))
