"""Where a number comes from: code, versions, machine. Reads source text; imports no page.

The fingerprint of code covers the page and every definition of this library that it reaches. It is
taken of the syntax tree without docstrings and annotations, so that a comment, a line break, a
better sentence or a new member of a union makes no verdict stale; a changed number, name or
threshold does.
"""

import ast
import copy
import hashlib
import importlib.metadata
import os
import platform
from collections.abc import Iterator
from pathlib import Path

from practicum.lab.reached import PACKAGE, reached

REPORTED = ("torch", "numpy")
NOTHING = ("ctx", "kind", "type_comment", "annotation", "returns")  # fields that compute nothing


def code_fingerprint(page: str) -> str:
    """Twelve hexadecimal digits of the code that module `page` runs, itself included."""
    digest = hashlib.sha256()
    for (module, name), nodes in sorted(reached(page).items()):
        shown = module if module.startswith(f"{PACKAGE}.") else "page"
        for node in nodes:
            shape = "\x1f".join(_shape(_without_docstrings(copy.deepcopy(node))))
            digest.update(f"{shown}\x1e{name}\x1e{shape}\x1e".encode())
    return digest.hexdigest()[:12]


def versions() -> dict[str, str]:
    """Of Python, of this library, and of what computes. A missing package is left out."""
    found = {"python": platform.python_version()}
    for package in (PACKAGE, *REPORTED):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def machine() -> str:
    """The processor in words, such as "AMD EPYC 7763, 2 cores"."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text(errors="replace").splitlines()
        models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
        name = next(iter(models), name)
    count = cores()
    return f"{name}, {count} core{'' if count == 1 else 's'}"


def cores() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _without_docstrings(tree: ast.stmt) -> ast.stmt:
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                documented = ast.get_docstring(node, clean=False) is not None
                node.body = node.body[documented:]
    return tree


def _shape(value: object) -> Iterator[str]:
    """The tree as words. Empty fields are left out: newer Pythons have more of them."""
    if isinstance(value, ast.AST):
        yield f"({type(value).__name__}"
        for name, child in ast.iter_fields(value):
            if child not in (None, [], "") and name not in NOTHING:
                yield name
                yield from _shape(child)
            elif isinstance(value, ast.Constant) and name == "value":
                yield f"value {child!r}"
        yield ")"
    elif isinstance(value, list):
        for item in value:
            yield from _shape(item)
    else:
        yield repr(value)
