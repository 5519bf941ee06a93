"""Triton where it is installed: kernels of a GPU, in files that can be imported without it.

With TRITON_INTERPRET=1 in the environment Triton runs kernels on the CPU, number by number and
slowly. It reads their source anew, so what it has to know stands there: `constexpr` beside every
parameter in capitals.
"""

import importlib
import inspect
from typing import Any


class constexpr(Any):
    """The type of what a kernel is compiled for, called as Triton calls it."""

    __triton_builtin__ = True  # so that the compiler, too, may come across the name


def _module(name: str) -> Any:
    """The module of that name; None where it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


triton, tl = _module("triton"), _module("triton.language")


def kernel(function: Any) -> Any:
    """`function` for a GPU; its parameters in capitals are known when it is compiled."""
    if triton is None:
        return function
    known = filter(str.isupper, inspect.signature(function).parameters)
    function.__annotations__ = dict.fromkeys(known, "constexpr")
    return triton.jit(function)
