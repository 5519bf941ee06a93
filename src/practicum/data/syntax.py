"""Reading many or large syntax trees of Python, quickly."""

import gc
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
