"""`practicum doctor`: what this machine has, what is missing, and the command that brings it."""

import os
import platform
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version

import click

from practicum.cli.memory import memory
from practicum.cli.render import json_option, print_table
from practicum.errors import PracticumError
from practicum.home import home

EXTRAS = {  # package: (what it is for, how to get it)
    "pyarrow": (".parquet files", "pip install 'practicum[data]'"),
    "huggingface-hub": ("models by hub name", "pip install 'practicum[hub]'"),
    "datasets": ("corpora by hub name (hf:…)", "pip install 'practicum[hub]'"),
    "ray": ("several copies of a model (serve --replicas)", "pip install 'practicum[replicas]'"),
    "psycopg": ("results in PostgreSQL", "pip install 'practicum[postgres]'"),
}
ROOM_NEEDED = 2e9  # bytes: the packaged model, corpora, checkpoints of the small presets


@click.command()
@json_option
def command(as_json: bool) -> None:
    """Versions, device, threads, disk, what is missing and how to get it."""
    rows = [
        {"what": what, "found": found, "advice": advice}
        for part in (_packages, _device, _disk, _sandbox, _assets)
        for what, found, advice in part()
    ]
    print_table(rows, as_json=as_json)


Finding = tuple[str, str, str]


def _packages() -> Iterator[Finding]:
    yield "practicum", _version("practicum") or "from source", ""
    yield "python", f"{platform.python_version()} ({sys.executable})", ""
    for requirement in requires("practicum") or ():
        if "extra ==" not in requirement:
            name = requirement.split(";")[0].split(">")[0].split("<")[0].split("=")[0].strip()
            found = _version(name)
            yield name, found or "missing", "" if found else f"pip install '{requirement}'"
    for name, (purpose, how) in EXTRAS.items():
        found = _version(name)
        yield name, found or "missing", "" if found else f"for {purpose}: {how}"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _device() -> Iterator[Finding]:
    import torch

    if torch.cuda.is_available():
        card = torch.cuda.get_device_properties(0)
        yield "device", f"{card.name}, {card.total_memory / 1e9:.0f} GB", ""
    else:
        how = "a build of torch with CUDA uses a GPU: https://pytorch.org/get-started/locally"
        yield "device", "cpu", how if torch.version.cuda is None else "no GPU is visible to torch"
    yield "processor", platform.processor() or platform.machine(), ""
    yield "instruction set", torch.backends.cpu.get_cpu_capability(), ""
    threads, cores = torch.get_num_threads(), _cores()
    advice = f"set OMP_NUM_THREADS={cores}" if threads != cores else ""
    yield "threads", f"{threads} of {cores} cores", advice
    yield "memory", f"{memory() / 1e9:.1f} GB", ""
    compiler = shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")
    how = "" if compiler else "the fast kernels of a CPU and torch.compile need one"
    yield "C++ compiler", compiler or "missing", how
    from practicum.kernels.native import available

    yield "kernels in C++", available(), ""


def _cores() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _disk() -> Iterator[Finding]:
    try:
        folder = home()
    except PracticumError as problem:
        yield "home", "not writable", str(problem)
        return
    writable = os.access(folder, os.W_OK)
    advice = "" if writable else "set PRACTICUM_HOME to a folder that can be written"
    yield "home", str(folder), advice
    free = shutil.disk_usage(folder).free
    advice = "" if free > ROOM_NEEDED else f"{ROOM_NEEDED / 1e9:.0f} GB are advisable"
    yield "free disk", f"{free / 1e9:.1f} GB", advice


def _sandbox() -> Iterator[Finding]:
    """What keeps programs that nobody vouches for from doing harm here."""
    from practicum.symbolic.sandbox import Sandbox
    from practicum.symbolic.sandbox_protections import ADVICE

    try:
        granted = Sandbox(workers=1, forced=True).protections()
    except PracticumError as problem:
        yield "sandbox", "missing", str(problem)
        return
    for what in ("network", "processes", "files", "kernel", "user"):
        found = getattr(granted, what)
        yield f"sandbox: {what}", found or "unprotected", "" if found else ADVICE


def _assets() -> Iterator[Finding]:
    from practicum.data.assets import assets
    from practicum.data.fetch import locate

    for name, asset in assets().items():
        place = locate(name)
        flag = "" if asset.free else " --accept-licence"
        how = f"practicum data add {name}{flag}  ({asset.what})"
        yield f"asset {name}", str(place or "missing"), "" if place else how
