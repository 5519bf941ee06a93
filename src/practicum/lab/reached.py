"""What code a page runs: the definitions of this library that it reaches by name. Source alone.

A definition is a function, a class or a constant at the top of a file. The page's own are reached,
and whatever a reached one names: in its body, its bases, its decorators, its defaults. Classes that
only an annotation, an `isinstance` or a pattern names are not followed: they compute nothing before
some code makes one of them by name. So a new member of a union makes nobody's result stale. Of each
file that is reached at all, the loose statements count, too. Where it cannot be told which
definition is meant, all of the file are.
"""

import ast
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from practicum.errors import UnknownName

PACKAGE = __name__.partition(".")[0]
ROOT = Path(__file__).resolve().parents[1]
DRAWING = f"{PACKAGE}.lab.plots"  # pictures change no number, so they make no verdict stale
LOOSE = ""  # the name under which the statements of a file stand that define nothing

Place = tuple[str, str]  # module and name


@dataclass(frozen=True)
class Source:
    """One file, taken apart."""

    module: str
    definitions: dict[str, list[ast.stmt]] = field(default_factory=dict)
    imports: dict[str, Place] = field(default_factory=dict)  # local name → what it stands for


def reached(page: str) -> dict[Place, list[ast.stmt]]:
    """The definitions that module `page` reaches, its own included."""
    own = _source(page, _page_file(page))
    waiting = [(page, name) for name in own.definitions]
    found: dict[Place, list[ast.stmt]] = {}
    while waiting:
        place = waiting.pop()
        if place in found:
            continue
        source = own if place[0] == page else _library_source(place[0])
        nodes = source.definitions.get(place[1], [])
        found[place] = nodes
        waiting.append((place[0], LOOSE))
        for named in _named(source, nodes):
            waiting += _definitions(named)
    return {place: nodes for place, nodes in found.items() if nodes}


def library_file(module: str) -> Path | None:
    """The file of a module of this library; None where there is none."""
    package, *parts = module.split(".")
    if package != PACKAGE:
        return None
    folder = ROOT.joinpath(*parts)
    if folder.joinpath("__init__.py").is_file():
        return folder / "__init__.py"
    file = folder.with_name(f"{folder.name}.py")
    return file if parts and file.is_file() else None


def _page_file(page: str) -> Path:
    path = library_file(page)
    if path is None:
        spec = importlib.util.find_spec(page)
        if spec is None or spec.origin is None:
            raise UnknownName("module", page, [])
        path = Path(spec.origin)
    return path


def _library_source(module: str) -> Source:
    path = library_file(module)
    assert path is not None, f"{module} was found before"
    return _kept_source(module, path, path.stat().st_mtime_ns)


@cache
def _kept_source(module: str, path: Path, changed: int) -> Source:
    return _source(module, path)


def _source(module: str, path: Path) -> Source:
    source = Source(module)
    for node in ast.parse(path.read_bytes(), filename=str(path)).body:
        match node:
            case ast.Import() | ast.ImportFrom():
                source.imports.update(_imported(module, path, node))
            case ast.FunctionDef(name=n) | ast.AsyncFunctionDef(name=n) | ast.ClassDef(name=n):
                source.definitions.setdefault(n, []).append(node)
            case ast.Assign() | ast.AnnAssign() | ast.AugAssign():
                for name in _targets(node):
                    source.definitions.setdefault(name, []).append(node)
            case ast.Expr(value=ast.Constant()):
                pass  # a docstring
            case _:
                source.definitions.setdefault(LOOSE, []).append(node)
                for inner in ast.walk(node):
                    if isinstance(inner, ast.Import | ast.ImportFrom):
                        source.imports.update(_imported(module, path, inner))
    return source


def _targets(node: ast.Assign | ast.AnnAssign | ast.AugAssign) -> list[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    names = [n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name)]
    return names or [LOOSE]


def _imported(
    module: str, path: Path, node: ast.Import | ast.ImportFrom
) -> Iterator[tuple[str, Place]]:
    """The names that an import makes, and what of this library each stands for."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            if alias.asname:
                yield alias.asname, (alias.name, LOOSE)
            else:
                yield alias.name.split(".")[0], (alias.name.split(".")[0], LOOSE)
        return
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    above = package[: len(package) - node.level + 1] if node.level else []
    base = ".".join([*above, *([node.module] if node.module else [])])
    for alias in node.names:
        whole = library_file(f"{base}.{alias.name}") is not None  # a module of the package
        place = (f"{base}.{alias.name}", LOOSE) if whole else (base, alias.name)
        yield alias.asname or alias.name, place


def _named(source: Source, nodes: list[ast.stmt]) -> Iterator[Place]:
    """What these nodes name, of this file and of others. A module's attribute is its definition."""
    path = library_file(source.module) or Path("page.py")
    for node in nodes:
        imports = dict(source.imports)
        for inner in ast.walk(node):
            if isinstance(inner, ast.Import | ast.ImportFrom):
                imports.update(_imported(source.module, path, inner))
        for chain in _chains(node):
            first, *rest = chain
            if first in imports:
                yield from _through(imports[first], rest)
            elif first in source.definitions:
                yield source.module, first


def _through(place: Place, rest: list[str]) -> Iterator[Place]:
    """From an imported name along its attributes, as far as they are modules."""
    module, name = place
    if name != LOOSE:
        yield place
        return
    while rest and library_file(f"{module}.{rest[0]}") is not None:
        module, rest = f"{module}.{rest[0]}", rest[1:]
    yield module, rest[0] if rest else "*"


def _definitions(place: Place) -> list[Place]:
    """The place itself, or where it was imported from; all of its file where it is not known."""
    module, name = place
    if library_file(module) is None or module == DRAWING:
        return []
    source = _library_source(module)
    if name in source.definitions or name == LOOSE:
        return [place]
    if name in source.imports:
        return [found for p in _through(source.imports[name], []) for found in _definitions(p)]
    return [(module, each) for each in source.definitions]


def _chains(node: ast.AST) -> Iterator[list[str]]:
    """Every name that is read, with the attributes after it: ["nn", "Module"]; no annotations."""
    if isinstance(node, ast.Name):
        yield [node.id]
        return
    if isinstance(node, ast.Attribute):
        names, inner = [node.attr], node.value
        while isinstance(inner, ast.Attribute):
            names, inner = [inner.attr, *names], inner.value
        if isinstance(inner, ast.Name):
            yield [inner.id, *names]
            return
    asked = isinstance(node, ast.Call) and getattr(node.func, "id", "") == "isinstance"
    for name, child in ast.iter_fields(node):
        if name in ("annotation", "returns") or (
            isinstance(node, ast.MatchClass) and name == "cls"
        ):
            continue
        if asked and name == "args":
            child = child[:1]
        for one in child if isinstance(child, list) else [child]:
            if isinstance(one, ast.AST):
                yield from _chains(one)
