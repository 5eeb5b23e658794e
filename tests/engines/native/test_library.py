"""The cache of machine code: used again, torn, out of reach; and what a digest depends on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import llvmlite
import pytest

from nsmodel.engines.interface import Limits
from nsmodel.engines.native.library import Library, cache_folder, compiled
from nsmodel.engines.native.program import Program
from nsmodel.engines.native.reading import Single
from nsmodel.engines.native.sites import OK, UNCHANGED
from nsmodel.engines.reference import Reference
from nsmodel.ir.state import Frozen
from nsmodel.system.operation import op
from nsmodel.system.spec import NO_UAF, Scope, Spec
from nsmodel.system.transition import TransitionSystem, make_system
from tests.models import traps

LINE: Frozen = (((2, 0, 0), (3, 0, 0), (0, 0, 0)),)
"""Three nodes: next, mark, tally."""
MARKED: Frozen = (((2, 1, 0), (3, 0, 0), (0, 0, 0)),)


def made(slots: int = 3, *, marks: bool = False) -> TransitionSystem:
    """One rule that marks a node where the known bug is on."""
    spec = Spec("switched", "", traps.K, traps.base, {"nodes": slots}, (op(traps.switched),), (NO_UAF,))
    return make_system(spec, Scope(spec.bounds), mutant=traps.MARKS if marks else None)


def program(slots: int = 3, *, marks: bool = False, symmetry: bool = False) -> Program:
    return Program(made(slots, marks=marks), symmetry=symmetry)


def works(library: Library, *, marks: bool = False) -> bool:
    """Whether the code does what the rule says."""
    answer = Single(library).run(LINE, 0, [1])
    return answer.status in (OK, UNCHANGED) and answer.state == (MARKED if marks else LINE)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of one's own."""
    monkeypatch.setenv("NSMODEL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_code_comes_from_the_cache(folder: Path) -> None:
    first, second = compiled(program()), compiled(program())
    assert first.compile_seconds > 0
    assert second.compile_seconds == 0
    assert first.digest == second.digest
    assert [file.name for file in folder.iterdir()] == [f"{first.digest}.o"]
    assert works(first)
    assert works(second)


def truncated(data: bytes) -> bytes:
    return data[: len(data) // 2]


def flipped(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


@pytest.mark.parametrize("torn", [truncated, flipped], ids=lambda torn: torn.__name__)
def test_a_torn_file_is_written_anew(torn: Callable[[bytes], bytes], folder: Path) -> None:
    first = compiled(program())
    file = folder / f"{first.digest}.o"
    whole = file.read_bytes()
    file.write_bytes(torn(whole))
    again = compiled(program())
    assert again.compile_seconds > 0
    assert works(again)
    assert file.read_bytes() == whole
    assert compiled(program()).compile_seconds == 0


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Below a file there is no folder, for root neither."""
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("NSMODEL_CACHE", str(tmp_path / "file" / "cache"))
    for _ in range(2):
        library = compiled(program())
        assert library.compile_seconds > 0
        assert works(library)
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


def test_a_file_that_cannot_be_finished_leaves_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, target: Path) -> Path:
        raise OSError("no space left on device")

    monkeypatch.setattr(Path, "replace", full)
    assert works(compiled(program()))
    assert list(folder.iterdir()) == []


def test_what_a_digest_depends_on(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = compiled(program())
    bug, more, renaming = compiled(program(marks=True)), compiled(program(4)), compiled(program(symmetry=True))
    monkeypatch.setattr(llvmlite, "__version__", "0.0")
    other_version = compiled(program())
    every = (plain, bug, more, renaming, other_version)
    assert len({library.digest for library in every}) == len(every)
    assert all(library.compile_seconds > 0 for library in every)
    assert len(list(folder.iterdir())) == len(every)
    assert works(bug, marks=True)
    assert not works(plain, marks=True)


def test_text_is_the_same_each_time() -> None:
    """Or the cache would be worth nothing."""
    assert program().text == program().text


def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    monkeypatch.delenv("NSMODEL_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_folder() == Path("/home/someone/.cache/nsmodel")
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/cache")
    assert cache_folder() == Path("/var/cache/nsmodel")
    monkeypatch.setenv("NSMODEL_CACHE", "/elsewhere")
    assert cache_folder() == Path("/elsewhere")


def test_the_switch_is_seen_by_the_direct_reading_too() -> None:
    """What `works` expects is what the rule says."""
    for marks in (False, True):
        out = Reference().search(made(marks=marks), Limits(depth=1), lambda _: None)
        assert out.states == (4 if marks else 1)


def test_an_unknown_function_is_no_attribute(folder: Path) -> None:
    with pytest.raises(AttributeError, match="nothing_like_it"):
        _ = compiled(program()).nothing_like_it
    assert folder.exists()
