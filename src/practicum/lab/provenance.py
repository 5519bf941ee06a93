"""Where a number comes from: code, versions, machine. Reads source text; imports no page.

The fingerprint of code covers the page and every file of this library that it imports, directly or
through others. It is taken of the syntax tree without docstrings, so that a comment, a line break
or a better sentence makes no verdict stale; a changed number, name or threshold does.
"""

import ast
import hashlib
import importlib.metadata
import importlib.util
import os
import platform
from collections.abc import Iterator
from pathlib import Path

from practicum.errors import UnknownName

PACKAGE = __name__.partition(".")[0]
ROOT = Path(__file__).resolve().parents[1]
DRAWING = f"{PACKAGE}.lab.plots"  # pictures change no number, so they make no verdict stale
REPORTED = ("torch", "numpy")


def code_fingerprint(page: str) -> str:
    """Twelve hexadecimal digits of the code that module `page` runs, itself included."""
    digest = hashlib.sha256()
    for name, path in sorted(imported_files(page).items()):
        shape = "\x1f".join(_shape(_without_docstrings(_parse(path))))
        shown = name if name.startswith(f"{PACKAGE}.") else "page"
        digest.update(f"{shown}\x1e{shape}\x1e".encode())
    return digest.hexdigest()[:12]


def imported_files(page: str) -> dict[str, Path]:
    """Module `page` and the modules of this library below it, each with its file."""
    start = _page_file(page)
    found, waiting = {page: start}, [(page, start)]
    while waiting:
        module, path = waiting.pop()
        for name in _imports(module, path):
            file = _library_file(name)
            if file is not None and name not in found and name != DRAWING:
                found[name] = file
                waiting.append((name, file))
    return found


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


def _page_file(page: str) -> Path:
    path = _library_file(page)
    if path is None:
        spec = importlib.util.find_spec(page)
        if spec is None or spec.origin is None:
            raise UnknownName("module", page, [])
        path = Path(spec.origin)
    return path


def _library_file(name: str) -> Path | None:
    package, *parts = name.split(".")
    if package != PACKAGE:
        return None
    folder = ROOT.joinpath(*parts)
    if folder.joinpath("__init__.py").is_file():
        return folder / "__init__.py"
    file = folder.with_name(f"{folder.name}.py")
    return file if parts and file.is_file() else None


def _imports(module: str, path: Path) -> Iterator[str]:
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    for node in ast.walk(_parse(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)  # a module of the package


def _parse(path: Path) -> ast.Module:
    return ast.parse(path.read_bytes(), filename=str(path))


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        match node:
            case ast.Module() | ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                documented = ast.get_docstring(node, clean=False) is not None
                node.body = node.body[documented:]
    return tree


def _shape(value: object) -> Iterator[str]:
    """The tree as words. Empty fields are left out: newer Pythons have more of them."""
    if isinstance(value, ast.AST):
        yield f"({type(value).__name__}"
        for name, child in ast.iter_fields(value):
            if child not in (None, [], "") and name not in ("ctx", "kind", "type_comment"):
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
