"""Builds the worker on demand with the system's compiler, into the user's cache."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from nsmodel.oracle.errors import OracleUnavailable

SOURCE = Path(__file__).with_name("worker.c")
PARTS = tuple(SOURCE.with_name(name) for name in ("worker.c", "calls.h", "mounts.h", "sandbox.h", "users.h"))
FLAGS = (
    "-O2", "-static", "-nostdlib", "-ffreestanding", "-fno-stack-protector", "-fno-builtin", "-fno-pie", "-no-pie",
    "-mno-red-zone", "-Wall", "-Wextra",
)  # fmt: skip


def worker_path() -> Path:
    """The compiled worker; built when the cache has none of this source and compiler.

    Raises :class:`OracleUnavailable` where there is no compiler, or the build fails.
    """
    if sys.platform != "linux" or platform.machine() != "x86_64":
        raise OracleUnavailable(
            "replay needs Linux on x86_64",
            f"this is {sys.platform} on {platform.machine()}",
            "run it on such a machine",
        )
    compiler = _compiler()
    text = b"".join(part.read_bytes() for part in PARTS)
    digest = hashlib.sha256(text + " ".join((compiler, *FLAGS)).encode()).hexdigest()[:16]
    target = _cache() / f"worker-{digest}"
    if not target.exists():
        _build(compiler, target)
    return target


def _compiler() -> str:
    for name in (os.environ.get("CC", ""), "cc", "gcc", "clang"):
        if name and (found := shutil.which(name)):
            return found
    raise OracleUnavailable(
        "replay needs a C compiler",
        "neither $CC nor cc, gcc or clang is on PATH",
        "install one (Debian: apt install gcc)",
    )


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    folder = Path(base) / "nsmodel"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise OracleUnavailable(
            "replay needs a cache folder", str(problem), "set XDG_CACHE_HOME to a folder of yours"
        ) from None
    return folder


def _build(compiler: str, target: Path) -> None:
    handle, name = tempfile.mkstemp(dir=target.parent)
    os.close(handle)
    done = subprocess.run([compiler, *FLAGS, "-o", name, str(SOURCE)], capture_output=True, text=True, check=False)
    if done.returncode:
        Path(name).unlink()
        first = "\n".join(done.stderr.splitlines()[:5])
        raise OracleUnavailable("the worker does not compile", f"{compiler}: {first}", "use gcc 10 or newer, or clang")
    Path(name).chmod(0o755)
    Path(name).replace(target)
