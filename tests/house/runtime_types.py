"""The checker behind the import hook of the tests: beartype, told to accept any Protocol.

The library's protocols are for readers and the type checker, so they are not `runtime_checkable`;
beartype needs that mark to test a value against one, and it is given here, in the tests alone.
"""

import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol, TypeVar, runtime_checkable

from beartype import beartype

Checked = TypeVar("Checked", bound=Callable[..., Any] | type)


def checked(target: Checked) -> Checked:
    """`target` with every argument and result checked against its annotation when called."""
    for value in list(vars(sys.modules[target.__module__]).values()):
        if isinstance(value, type(Protocol)) and value.__module__.startswith("practicum"):
            with suppress(TypeError):  # a class that implements a protocol, not one itself
                runtime_checkable(value)
    return beartype(target)
