"""How much memory this machine has, asked before it is filled: Linux kills instead of refusing."""

import os

from practicum.errors import ModelError

TRAINING = 16  # bytes per parameter: the weight, its gradient and two moments in float32


def memory() -> int:
    """Bytes of memory in this machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def refuse_too_large(parameters: int) -> None:
    """Raises ModelError where a model of so many parameters cannot be trained in this memory."""
    needed = TRAINING * parameters
    if needed > memory():
        raise ModelError(
            f"a model of {parameters:,} parameters needs {needed / 1e9:,.0f} GB to train, and this "
            f"machine has {memory() / 1e9:,.0f} GB; choose a smaller width, depth or vocabulary"
        )
