"""Machine code: compiled by LLVM, kept on disk by the digest of what it depends on, called through ctypes.

A file of the cache holds the object code behind a digest of itself, under a name that is the digest of the module's
text, llvmlite's version and the processor. Text and versions are everything that the code depends on, so a file cannot
be stale; a torn one fails its own digest and is written anew.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import llvmlite
from llvmlite import binding

from nsmodel.engines.native.program import Program

LEVEL = 1
"""LLVM's optimisation level; the next ones compile longer for code that is no faster."""
LARGE = 9_500
"""Lines of text from which a module gets the few passes that matter most: the whole pipeline would take seconds, and
gains a tenth of the run time."""
LEAN = ("sroa", "simplify_cfg", "instruction_combine", "new_gvn", "dead_store_elimination", "simplify_cfg")
POINTER, WORD = ctypes.c_void_p, ctypes.c_int64
SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "expand": (WORD, [POINTER, POINTER, WORD, WORD]),
    "judge": (None, [POINTER, POINTER, WORD, WORD]),
    "queue": (None, [POINTER, POINTER]),
    "flush": (None, [POINTER]),
    "rebuild": (None, [POINTER, WORD, WORD]),
    "seal": (None, [POINTER, POINTER, WORD, POINTER, POINTER, WORD, WORD]),
    "attempt": (ctypes.c_int32, [POINTER, WORD, POINTER, POINTER, POINTER]),
    "canonical_of": (None, [POINTER, POINTER]),
}

LISTING: dict[str, tuple[Any, list[Any]]] = {"offers": (WORD, [POINTER, POINTER, POINTER, WORD])}
"""What only a program that lists calls has."""


@dataclass
class Library:
    """A compiled program. Its functions release the interpreter's lock; see :mod:`nsmodel.engines.native.program`."""

    program: Program
    digest: str
    compile_seconds: float
    """Seconds that LLVM took; 0 when the code came from the cache."""
    functions: Mapping[str, Callable[..., Any]]
    _engine: Any

    def __getattr__(self, name: str) -> Callable[..., Any]:
        try:
            return self.functions[name]
        except KeyError:
            raise AttributeError(name) from None


def cache_folder() -> Path:
    """Where object code is kept: `$NSMODEL_CACHE`, else nsmodel in the user's cache folder."""
    named = os.environ.get("NSMODEL_CACHE")
    if named:
        return Path(named)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "nsmodel"


def compiled(program: Program) -> Library:
    """The machine code of a program, from the cache where it is there."""
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    cpu, features = binding.get_host_cpu_name(), binding.get_host_cpu_features().flatten()
    text = program.text
    versions = (llvmlite.__version__, ".".join(map(str, binding.llvm_version_info)), str((LEVEL, LARGE, LEAN)))
    depends = (text, *versions, cpu, features)
    digest = hashlib.sha256("\0".join(depends).encode()).hexdigest()
    target = binding.Target.from_default_triple().create_target_machine(
        cpu=cpu, features=features, opt=2, codemodel="jitdefault", jit=True
    )
    start = time.perf_counter()
    code = _cached(digest)
    seconds = 0.0
    if code is None:
        code = _compile(text, target)
        seconds = time.perf_counter() - start
        _keep(digest, code)
    engine = binding.create_mcjit_compiler(binding.parse_assembly(""), target)
    engine.add_object_file(binding.ObjectFileRef.from_data(code))
    engine.finalize_object()
    functions = {
        name: ctypes.CFUNCTYPE(result, *arguments)(engine.get_function_address(name))
        for name, (result, arguments) in (SIGNATURES | (LISTING if program.listing else {})).items()
    }
    return Library(program, digest, seconds, functions, engine)


def _compile(text: str, target: Any) -> bytes:
    module = binding.parse_assembly(text)
    module.verify()
    builder = binding.create_pass_builder(target, binding.create_pipeline_tuning_options(speed_level=LEVEL))
    if text.count("\n") < LARGE:
        passes = builder.getModulePassManager()
    else:
        passes = binding.create_new_module_pass_manager()
        for name in LEAN:
            getattr(passes, f"add_{name}_pass")()
    passes.run(module, builder)
    return bytes(target.emit_object(module))


def _cached(digest: str) -> bytes | None:
    """The code of a digest, None where it is not there or is torn."""
    try:
        data = (cache_folder() / f"{digest}.o").read_bytes()
    except OSError:
        return None
    own, code = data[:32], data[32:]
    return code if hashlib.sha256(code).digest() == own else None


def _keep(digest: str, code: bytes) -> None:
    """Put code into the cache, whole or not at all; a cache that cannot be written is done without."""
    with suppress(OSError):
        folder = cache_folder()
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=folder, prefix=".new-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(hashlib.sha256(code).digest() + code)
            Path(name).replace(folder / f"{digest}.o")
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
