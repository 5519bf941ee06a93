"""Triton where it is installed: kernels of a GPU, in files that can be imported without it."""

import importlib
import inspect
from typing import Any


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
