"""The top-level functions of a module, read from its text, and what each needs of the module.

Nothing is executed. What a function needs is found by name: every name it mentions that the module
binds. A local variable of the same name makes one need too many, which does no harm.
"""

import ast
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from practicum.data.syntax import collector_paused, source_lines

Function = ast.FunctionDef
BRANCHES = (ast.If, ast.Try, ast.With, ast.ExceptHandler)  # where a module may bind names, too
SUSPENDS = (ast.Yield, ast.YieldFrom, ast.Await)


@dataclass(frozen=True, kw_only=True)
class FunctionSource:
    """One function in three pieces of source, each with its line ends, decorators left out."""

    name: str
    line: int  # its first, from 1, that of a decorator included
    head: str  # from `def` to the colon
    docstring: str  # with its quotes and indentation; empty where there is none
    body: str
    indent: str  # of the body
    text: str  # the docstring as help() shows it
    names: frozenset[str]  # every name that it reads
    plain: bool  # no generator, no `global`, no decorator


class ModuleSource:
    """A module's text. Raises SyntaxError (or ValueError for null bytes) where it is none."""

    def __init__(self, text: str, package: str = "") -> None:
        self.lines = source_lines(text)
        self.package = package  # that relative imports start from; "": they stay unknown
        with collector_paused(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # such as an invalid escape in somebody's string
            self.tree = ast.parse(text)

    @cached_property
    def future(self) -> list[str]:
        """The `from __future__` lines."""
        return [
            ast.unparse(node)
            for node in self.tree.body
            if isinstance(node, ast.ImportFrom) and node.module == "__future__"
        ]

    @cached_property
    def imports(self) -> dict[str, str]:
        """The import statement of every name that an outermost line imports, made absolute."""
        found = {}
        for node in self.tree.body:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    name = alias.asname or alias.name.partition(".")[0]
                    found[name] = ast.unparse(ast.Import([alias]))
            elif isinstance(node, ast.ImportFrom) and (place := self._absolute(node)):
                for alias in node.names:
                    line = ast.unparse(ast.ImportFrom(place, [alias], 0))
                    found[alias.asname or alias.name] = line
        return found

    @cached_property
    def definitions(self) -> dict[str, tuple[str, frozenset[str]]]:
        """Source and needed names of what one outermost line defines: functions, classes, values.

        What is defined by several, or in a branch, has no source of its own.
        """
        defining = [(name, node) for node in self.tree.body for name in _defined(node)]
        times = Counter(name for name, _ in defining)
        return {
            name: (self._source(node), _names(node, self._lazy, decorators=True))
            for name, node in defining
            if times[name] == 1
        }

    @cached_property
    def bound(self) -> frozenset[str]:
        """Every name that the module binds, in branches too."""
        names = set[str]()
        waiting: list[ast.AST] = list(self.tree.body)
        while waiting:
            node = waiting.pop()
            if isinstance(node, ast.Import | ast.ImportFrom):
                names.update(a.asname or a.name.partition(".")[0] for a in node.names)
            elif isinstance(node, BRANCHES):
                waiting += ast.iter_child_nodes(node)
            elif isinstance(node, ast.stmt):
                names.update(_defined(node))
        return frozenset(names - {"*"})

    def functions(self) -> Iterator[FunctionSource]:
        """Every outermost function with a body on lines of its own, the last of each name."""
        last = {node.name: node for node in self.tree.body if isinstance(node, Function)}
        for node in last.values():
            if (found := self._function(node)) is not None:
                yield found

    def _function(self, node: Function) -> FunctionSource | None:
        text = ast.get_docstring(node, clean=True)
        first = node.body[0]
        rest = node.body[1:] if text is not None else node.body
        starts = _first_line(first)
        follows = (first.end_lineno or 0) + 1 if text is not None else starts
        if not rest or starts == node.lineno or _first_line(rest[0]) < follows:
            return None  # on one line, or nothing but a docstring
        return FunctionSource(
            name=node.name,
            line=_first_line(node),
            head=self._between(node.lineno, starts),
            docstring=self._between(starts, follows),
            body=self._between(follows, (node.end_lineno or 0) + 1).rstrip() + "\n",
            indent=" " * first.col_offset,
            text=text or "",
            names=_names(node, self._lazy, decorators=False) - {node.name},
            plain=not node.decorator_list
            and not any(isinstance(part, (*SUSPENDS, ast.Global)) for part in ast.walk(node)),
        )

    @property
    def _lazy(self) -> bool:
        """Whether annotations are never evaluated."""
        return any("annotations" in line for line in self.future)

    def _absolute(self, node: ast.ImportFrom) -> str | None:
        if node.level == 0:
            return None if node.module == "__future__" else node.module
        parts = self.package.split(".") if self.package else []
        if len(parts) < node.level:
            return None
        kept = parts[: len(parts) - node.level + 1]
        return ".".join([*kept, *([node.module] if node.module else [])])

    def _source(self, node: ast.stmt) -> str:
        return self._between(_first_line(node), (node.end_lineno or 0) + 1).rstrip() + "\n"

    def _between(self, start: int, end: int) -> str:
        """Lines from `start` up to, not including, `end`."""
        return "".join(self.lines[start - 1 : end - 1])


def _first_line(node: ast.stmt) -> int:
    decorators = getattr(node, "decorator_list", [])
    return min([node.lineno, *(d.lineno for d in decorators)])


def _defined(node: ast.stmt) -> list[str]:
    """The names that a statement itself defines; imports are another matter."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    targets: list[ast.expr] = []
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, ast.AnnAssign | ast.AugAssign) and node.value is not None:
        targets = [node.target]
    parts = [part for target in targets for part in ast.walk(target)]
    return [p.id for p in parts if isinstance(p, ast.Name) and isinstance(p.ctx, ast.Store)]


def _names(node: ast.AST, lazy: bool, *, decorators: bool) -> frozenset[str]:
    """Every name that is read below `node`; with `lazy` its annotations left out."""
    left_out = {"annotation", "returns"} if lazy else set[str]()
    found, waiting = set[str](), [node]
    while waiting:
        part = waiting.pop()
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load):
            found.add(part.id)
        for field, value in ast.iter_fields(part):
            of_node = part is node and field == "decorator_list" and not decorators
            if field not in left_out and not of_node:
                children = value if isinstance(value, list) else [value]
                waiting += [child for child in children if isinstance(child, ast.AST)]
    return frozenset(found)
