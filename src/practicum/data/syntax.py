"""The text of Python files as its parser sees it: many or large trees, and lines."""

import gc
import io
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """Within the block no search for cyclic garbage.

    Syntax trees hold no cycles, and looking for some takes longer than parsing where torch is
    loaded. Reference counting goes on freeing them.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def source_lines(text: str) -> list[str]:
    """The lines as Python counts them, line ends included; `str.splitlines` knows more ends."""
    return io.StringIO(text, newline="").readlines()
