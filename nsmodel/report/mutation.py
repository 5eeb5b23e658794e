"""The mutation score for people: a table of modules, on a terminal and as a page, and what survived."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console

from nsmodel.report.console import columns, line, plural, seconds
from nsmodel.report.output import ModuleScore, ScoreOutput, Survivor

HEADINGS = ["module", "mutants", "campaign", "property", "recording", "survived", "killed"]


def show(console: Console, output: ScoreOutput) -> None:
    """A line for each module, the survivors, and the sum."""
    head, *rows = columns([HEADINGS, *(_cells(m) for m in output.modules)])
    line(console, ("  ".join(head), "dim"))
    for row in rows:
        line(console, "  ".join(row))
    for one in output.survivors:
        line(console, ("survived", "yellow"), f"  {one.id}  {one.change}", (f"  {_verdict(one)}", "dim"))
    early = "; interrupted" if output.interrupted else ""
    line(
        console,
        f"{plural(output.mutants, 'mutant')}: {output.killed} killed, {_share(output.killed, output.mutants)}{early}; "
        f"{seconds(output.seconds)}; exit {output.exit}",
    )


def page(output: ScoreOutput, command: str) -> str:
    """The page that publishes a score; `command` makes it again."""
    total = ModuleScore(
        module="**all**",
        mutants=output.mutants,
        campaign=sum(m.campaign for m in output.modules),
        property=sum(m.property for m in output.modules),
        recording=sum(m.recording for m in output.modules),
        survived=len(output.survivors),
    )
    lines = [
        "# Mutation score of the kernel rules",
        "",
        f"Made by `{command}`.",
        "",
        f"Every check of every rule and helper is dropped, every errno is changed, adjacent checks change places, and "
        f"every effect is left out, one at a time: {output.mutants} mutants, of which {output.killed} die "
        f"(**{_share(output.killed, output.mutants)}**). Judges are, in this order: the campaigns `nsmodel conform "
        f"--seed {output.seed}` of {output.traces} traces for each area, which perform the same calls on Linux and "
        f"find no difference; {plural(output.recordings, 'recording')} of real programs; the properties of "
        f"{plural(output.specs, 'spec')}. A mutant counts for whoever killed it first; a property also kills it during "
        "a campaign, where it breaks in a state that the mutant makes.",
        "",
        f"{output.refused} more are no rules and do not count: the rule language refuses them, mostly because "
        "something may be None without the check. A mutant that changes nothing that anybody could tell counts as a "
        "survivor.",
        "",
        *_markdown(HEADINGS, [_cells(m) for m in [*output.modules, total]]),
        "",
        "## Survivors",
        "",
        *_markdown(
            ["mutant", "change", "what would kill it"],
            [[f"`{s.id}`", f"`{s.change}`" if "=" in s.change or "(" in s.change else s.change, _verdict(s)]
             for s in output.survivors],
        ),
        "",
    ]  # fmt: skip
    return "\n".join(lines)


def _verdict(one: Survivor) -> str:
    return one.would_kill if one.reached else f"not reached: {one.would_kill}"


def _cells(m: ModuleScore) -> list[str]:
    counts = [m.mutants, m.campaign, m.property, m.recording, m.survived]
    return [m.module, *(str(c) for c in counts), _share(m.mutants - m.survived, m.mutants)]


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "-"


def _markdown(head: list[str], rows: Iterable[list[str]]) -> list[str]:
    cells = [[cell.replace("|", "\\|") for cell in row] for row in (head, *rows)]
    return [f"| {' | '.join(row)} |" for row in (cells[0], ["---"] * len(head), *cells[1:])]
