"""Named random streams: a new draw never shifts an old one.

`derive(seed, "init", "block.0")` is a number made from the seed and the names by SHA-256;
`stream` is a torch generator seeded with it. Nothing here reads or changes global state except
`forked`, which restores it.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def derive(seed: int, *names: str | int) -> int:
    """A seed in [0, 2⁶³) that depends on `seed` and on every name, in order."""
    text = "\x1f".join([str(seed), *map(str, names)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def stream(seed: int, *names: str | int, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator of its own for the thing that `names` names."""
    return torch.Generator(device=device).manual_seed(derive(seed, *names))


@contextmanager
def forked(seed: int, *names: str | int) -> Iterator[None]:
    """Within the block torch's global generators are seeded by the names; afterwards as before.

    For dropout, which takes no generator: the loop forks it from (seed, step).
    """
    number = derive(seed, *names)
    # Not torch.manual_seed, which on a machine without a GPU notes a stack trace at every call.
    generators = [torch.default_generator]
    if torch.cuda.is_initialized():
        generators += torch.cuda.default_generators
    before = [generator.get_state() for generator in generators]
    for generator in generators:
        generator.manual_seed(number)
    try:
        yield
    finally:
        for generator, state in zip(generators, before, strict=True):
            generator.set_state(state)
