"""The checker behind the import hook of the tests: beartype, told two things about this library.

Protocols are for readers and the type checker, so they are not `runtime_checkable`; beartype needs
that mark to test a value against one, and it is given here, in the tests alone. And a name that a
module imports under `if TYPE_CHECKING` is there for nobody at run time, so a signature that uses
one is left unchecked.
"""

import ast
import inspect
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any, Protocol, TypeVar, runtime_checkable

from beartype import BeartypeConf, beartype

Checked = TypeVar("Checked", bound=Callable[..., Any] | type)


def checked(target: Checked) -> Checked:
    """`target` with every argument and result checked against its annotation when called."""
    names = _names_for_type_checkers(target.__module__)
    hints = getattr(target, "__annotations__", {}).values()
    if names and any(isinstance(hint, str) and _identifiers(hint) & names for hint in hints):
        return target
    for value in list(vars(sys.modules[target.__module__]).values()):
        if isinstance(value, type(Protocol)) and value.__module__.startswith("practicum"):
            with suppress(TypeError):  # a class that implements a protocol, not one itself
                runtime_checkable(value)
    # a whole number is a number, as type checkers have it (PEP 484)
    return beartype(conf=BeartypeConf(is_pep484_tower=True))(target)


@cache
def _names_for_type_checkers(module: str) -> frozenset[str]:
    """What `module` imports in blocks that only a type checker reads."""
    source = inspect.getsource(sys.modules[module])
    if "TYPE_CHECKING" not in source:
        return frozenset()
    return frozenset(
        (alias.asname or alias.name).partition(".")[0]
        for block in ast.walk(ast.parse(source))
        if isinstance(block, ast.If) and ast.unparse(block.test).endswith("TYPE_CHECKING")
        for line in block.body
        if isinstance(line, ast.Import | ast.ImportFrom)
        for alias in line.names
    )


def _identifiers(hint: str) -> set[str]:
    return {node.id for node in ast.walk(ast.parse(hint)) if isinstance(node, ast.Name)}
