"""Rows of two pasts as one: what lets a text that has been read join others that are written."""

import torch

from practicum.errors import ModelError
from practicum.nn.cache import KeyValueCache, RingCache
from practicum.nn.recurrence import Recurrence
from practicum.nn.state import Kept


def join(first: Kept, second: Kept) -> None:
    """Append the rows of `second` to those of `first`, which must be of the same mixer.

    Raises ModelError for pasts of different kinds or sizes.
    """
    match first, second:
        case (RingCache(), RingCache()) | (KeyValueCache(), KeyValueCache()):
            if first.keys.shape[1:] != second.keys.shape[1:]:
                raise ModelError(
                    f"caches of {tuple(first.keys.shape[1:])} and {tuple(second.keys.shape[1:])} "
                    "(heads, tokens, width) cannot be joined; make both with one capacity"
                )
            first.keys = torch.cat([first.keys, second.keys])
            first.values = torch.cat([first.values, second.values])
        case Recurrence(), Recurrence():
            first.kept = {
                name: torch.cat([value, second.kept[name]]) for name, value in first.kept.items()
            }
        case _:
            raise ModelError(
                f"{type(first).__name__} and {type(second).__name__} cannot be joined; "
                "they are not of one mixer"
            )
    if isinstance(first, RingCache) and isinstance(second, RingCache):
        first._written = [*first._written, *second._written]
    first.lengths = [*first.lengths, *second.lengths]
