"""The C++ beside the kernels: compiled where it is first wanted, never required.

The sources (`*.cpp` in this folder) take raw pointers and know nothing of torch, so that they
compile in seconds. The library is kept in `$PRACTICUM_HOME/native` under a name made of sources,
compiler, flags and processor; a second process that wants it meanwhile waits. Where there is no
compiler, no x86-64 with AVX2, FMA and F16C, or no Linux, there is no library, and every kernel is
its plain torch version; `available` says why.

`$PRACTICUM_NATIVE` is read once: `0` for never, `avx2` for no instructions beyond these (what an
older processor would do), else whatever the processor has.
"""

import ctypes
import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch  # noqa: F401 - first, so that both use its OpenMP and one team of threads

from practicum.errors import StoreError
from practicum.home import home

# What each function takes, in order: p a pointer, l an integer of 64 bits, i one of 32, f a float.
# All give an integer: 0, or 1 where they were asked for what cannot be.
SIGNATURES = {
    "block_step": "pl ppppp p llllllll i",
    "packed_linear": "ppppppp p lll ii ff i",
    "paged_attention": "plll pppp p llll llll l f i",
    "paged_step": "pp pppp p lllllll ll l f i",
    "quantise": "p ppp ll i",
}
_TYPES = {"p": ctypes.c_void_p, "l": ctypes.c_int64, "i": ctypes.c_int32, "f": ctypes.c_float}
SOURCES = ("block_step.cpp", "packed_linear.cpp", "paged_attention.cpp", "quantise.cpp")
HEADERS = ("vectors.hpp",)
NEEDED = {"avx2", "fma", "f16c"}
FLAGS = ("-O2", "-std=c++17", "-fPIC", "-fopenmp", "-fno-math-errno", "-ffp-contract=off")
_HERE = Path(__file__).parent


@dataclass(frozen=True, kw_only=True, eq=False)
class Native:
    """The loaded library, or None and why not."""

    library: ctypes.CDLL | None
    reason: str


OFF = Native(library=None, reason="off: the plain versions are asked for")
_instead: Native | None = None


def library() -> ctypes.CDLL | None:
    """The compiled kernels, or None: use the plain versions."""
    return (_instead or _loaded()).library


def available() -> str:
    """One line for people: which kernels were compiled, or why none were."""
    return (_instead or _loaded()).reason


@contextmanager
def using(other: Native) -> Iterator[None]:
    """Within the block this library is taken, or with `OFF` none. In all threads: for tests."""
    global _instead  # noqa: PLW0603
    before, _instead = _instead, other
    try:
        yield
    finally:
        _instead = before


@lru_cache(maxsize=1)
def _loaded() -> Native:
    wanted = os.environ.get("PRACTICUM_NATIVE", "")
    if wanted == "0":
        return Native(library=None, reason="off: PRACTICUM_NATIVE is 0")
    try:
        return built("avx2" if wanted == "avx2" else "native")
    except (OSError, StoreError, subprocess.SubprocessError) as problem:
        said = " ".join(str(problem).split())
        return Native(library=None, reason=f"off: {said:.200}")


def built(instructions: str) -> Native:
    """The library for these `instructions` ("native" or "avx2"), compiled if it is not there yet.

    Raises OSError, StoreError or SubprocessError where that goes wrong.
    """
    processor = _processor()
    if not processor >= NEEDED:
        lacking = ", ".join(sorted(NEEDED - processor))
        return Native(library=None, reason=f"off: this processor or system lacks {lacking}")
    compiler = next(filter(None, map(shutil.which, ("g++", "c++"))), None)
    if compiler is None:
        return Native(library=None, reason="off: no C++ compiler (g++) is on the path")
    march = "-march=native" if instructions == "native" else "-mavx2 -mfma -mf16c"
    flags = (*FLAGS, *march.split())
    place = home("native") / f"kernels-{_key(compiler, flags, processor)}.so"
    if not place.is_file():
        _compile(compiler, flags, place)
    found = ctypes.CDLL(str(place))
    for name, types in SIGNATURES.items():
        function = getattr(found, name)
        function.argtypes = [_TYPES[letter] for letter in types.replace(" ", "")]
        function.restype = ctypes.c_int32
    return Native(library=found, reason=f"on: {instructions} instructions, {place}")


def _processor() -> frozenset[str]:
    """What instructions there are; nothing where the system does not say."""
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        return frozenset()
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    flags = next((line for line in lines if line.startswith("flags")), "")
    return frozenset(flags.partition(":")[2].split())


def _key(compiler: str, flags: tuple[str, ...], processor: frozenset[str]) -> str:
    parts = [(_HERE / name).read_bytes() for name in (*HEADERS, *SOURCES)]
    version = subprocess.run([compiler, "--version"], capture_output=True, check=True).stdout
    said = "\n".join([*flags, *sorted(processor)]).encode()
    return hashlib.sha256(b"\0".join([version, said, *parts])).hexdigest()[:16]


def _compile(compiler: str, flags: tuple[str, ...], place: Path) -> None:
    """Write the library to `place`, whole or not at all, once for all processes."""
    with place.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if place.is_file():  # made while this process waited
            return
        with tempfile.TemporaryDirectory(dir=place.parent) as folder:
            made = Path(folder, place.name)
            sources = [str(_HERE / name) for name in SOURCES]
            command = [compiler, *flags, "-shared", *sources, "-o", str(made)]
            done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
            if done.returncode:
                last = next(reversed(done.stderr.strip().splitlines()), "no message")
                raise OSError(f"{compiler} failed: {last}")
            os.replace(made, place)
