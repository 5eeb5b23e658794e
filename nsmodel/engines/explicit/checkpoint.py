"""A search on disk: written piece by piece while it runs, taken up again after any end, a kill included.

A folder holds two files that only grow (`states`, and `links` of the sealed levels), and for each of the last two
checkpoints a manifest `N.json` and the level that was under way, `N.level`. A manifest names how much of each file
belongs to it, with a checksum of every piece; it comes last and by renaming. A torn file fails its checksum, and the
manifest before counts.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
import zlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from nsmodel.system.problem import Problem

EVERY = 1.2
"""Seconds from one checkpoint to the next."""
KEPT = 2
"""Manifests that are kept."""


class Piece(msgspec.Struct, array_like=True, frozen=True):
    """A part of a growing file."""

    size: int
    crc: int


class Manifest(msgspec.Struct):
    """Where a search is."""

    number: int
    identity: dict[str, str]
    """What must be the same for the search to go on."""
    depth: int
    phase: str
    """`judge` or `expand`, or `done`."""
    left: list[tuple[int, int]]
    """Ranks of the level that are still to be done."""
    used: int
    level: int
    width: int
    found: int
    """States."""
    counts: list[int]
    first: list[int]
    """Least rank of a violating state so far, by property; -1 for none."""
    violated: list[dict[str, Any]]
    complete: bool
    seconds: float
    compile_seconds: float
    states: list[Piece] = msgspec.field(default_factory=list)
    links: list[Piece] = msgspec.field(default_factory=list)
    current: Piece = Piece(0, 0)
    """The file of the level: its frontier, then the links of the states that were found from it."""


class Content(msgspec.Struct):
    """What a manifest says, and the bytes of its files."""

    manifest: Manifest
    states: bytes
    links: bytes
    current: bytes


class Checkpoint:
    """The checkpoints of one search. Raises :class:`Problem` when the folder cannot be used."""

    def __init__(self, folder: Path, identity: Mapping[str, str], *, resume: bool) -> None:
        self.folder = folder
        self.identity = dict(identity)
        self.notes: list[str] = []
        self._last = time.monotonic()
        self._number = 0
        self._states: list[Piece] = []
        self._links: list[Piece] = []
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = (folder / "lock").open("w", encoding="ascii")
        except OSError as error:
            raise Problem("the checkpoint cannot be written", place=str(folder), cause=str(error)) from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.close()
            raise Problem(
                "the checkpoint is in use", place=str(folder), cause="another run writes to it", fix="wait for its end"
            ) from None
        self.content = self._read() if resume else None
        if self.content is None:
            self._clear()
        else:
            self._take_up(self.content.manifest)

    def close(self) -> None:
        """Let others use the folder."""
        self._lock.close()

    # -- writing ------------------------------------------------------------------------------------------------------

    def due(self) -> bool:
        """Whether it is time for another one."""
        return time.monotonic() - self._last >= EVERY

    @property
    def states_size(self) -> int:
        """Bytes of states that are on disk."""
        return sum(piece.size for piece in self._states)

    @property
    def links_size(self) -> int:
        """Bytes of links that are on disk."""
        return sum(piece.size for piece in self._links)

    def save(self, manifest: Manifest, states: bytes, links: bytes, current: bytes) -> None:
        """Write a checkpoint: `states` and `links` are what came after those on disk. Raises :class:`Problem`."""
        try:
            self._states += self._append("states", states, self.states_size)
            self._links += self._append("links", links, self.links_size)
            self._number += 1
            manifest.number = self._number
            manifest.identity = self.identity
            manifest.states, manifest.links = list(self._states), list(self._links)
            manifest.current = Piece(len(current), zlib.crc32(current))
            (self.folder / f"{self._number}.level").write_bytes(current)
            data = msgspec.json.encode(manifest)
            fresh = self.folder / ".new"
            fresh.write_bytes(hashlib.sha256(data).hexdigest().encode() + b"\n" + data)
            fresh.replace(self.folder / f"{self._number}.json")
        except OSError as error:
            raise Problem("the checkpoint cannot be written", place=str(self.folder), cause=str(error)) from None
        for number in self._numbers():
            if number <= self._number - KEPT:
                self._remove(number)
        self._last = time.monotonic()

    def _append(self, name: str, data: bytes, size: int) -> list[Piece]:
        if not data:
            return []
        with (self.folder / name).open("r+b" if (self.folder / name).exists() else "w+b") as file:
            file.truncate(size)
            file.seek(size)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        return [Piece(len(data), zlib.crc32(data))]

    def _clear(self) -> None:
        """Start from the beginning: what was there goes."""
        for number in self._numbers():
            self._remove(number)
        for name in ("states", "links"):
            (self.folder / name).unlink(missing_ok=True)

    def _remove(self, number: int) -> None:
        for ending in ("json", "level"):
            with suppress(OSError):
                (self.folder / f"{number}.{ending}").unlink(missing_ok=True)

    def _numbers(self) -> list[int]:
        """The numbers of the manifests, the newest first."""
        return sorted((int(p.stem) for p in self.folder.glob("*.json") if p.stem.isdigit()), reverse=True)

    # -- reading ------------------------------------------------------------------------------------------------------

    def _take_up(self, manifest: Manifest) -> None:
        self._number = max([manifest.number, *self._numbers()])
        self._states, self._links = list(manifest.states), list(manifest.links)

    def _read(self) -> Content | None:
        """The newest checkpoint that is whole; None where there is none."""
        numbers = self._numbers()
        for number in numbers:
            manifest = read_manifest(self.folder / f"{number}.json")
            if manifest is not None:
                differing(manifest.identity, self.identity, self.folder)
                content = self._content(manifest)
                if content is not None:
                    return content
            self.notes.append(
                f"{self.folder / f'{number}.json'}: this checkpoint is torn; going on from the one before"
            )
        if numbers:
            self.notes.append(f"{self.folder}: no checkpoint is whole; starting from the beginning")
        return None

    def _content(self, manifest: Manifest) -> Content | None:
        if manifest.phase == "done":
            return Content(manifest, b"", b"", b"")
        states = _checked(self.folder / "states", manifest.states)
        links = _checked(self.folder / "links", manifest.links)
        current = _checked(self.folder / f"{manifest.number}.level", [manifest.current])
        if states is None or links is None or current is None:
            return None
        return Content(manifest, states, links, current)


def read_manifest(path: Path) -> Manifest | None:
    """A manifest, None where it is torn."""
    try:
        digest, _, data = path.read_bytes().partition(b"\n")
        if hashlib.sha256(data).hexdigest().encode() == digest:
            return msgspec.json.decode(data, type=Manifest)
    except (OSError, msgspec.MsgspecError):
        pass
    return None


def holds_checkpoint(folder: Path) -> bool:
    """Whether a folder holds anything to go on from."""
    return any(path.stem.isdigit() for path in folder.glob("*.json"))


def differing(there: Mapping[str, str], now: Mapping[str, str], folder: Path) -> None:
    """Refuse to go on with another search; raises :class:`Problem` that says what is different."""
    for name, value in now.items():
        if there.get(name) != value:
            cause = f"{name}: {there.get(name, '-')} there, {value} now"
            if name == "rules":
                cause = "the spec or the rules have changed since"
            raise Problem(
                "the checkpoint is of another search",
                place=str(folder),
                cause=cause,
                fix="give the same spec and options, or another folder",
            )


def _checked(path: Path, pieces: list[Piece]) -> bytes | None:
    """The bytes of a file, None where a piece is missing or is not what it was."""
    total = sum(piece.size for piece in pieces)
    if not total:
        return b""
    try:
        with path.open("rb") as file:
            data = file.read(total)
    except OSError:
        return None
    at = 0
    for piece in pieces:
        if zlib.crc32(data[at : at + piece.size]) != piece.crc or at + piece.size > len(data):
            return None
        at += piece.size
    return data
