"""How much a text repeats itself, and its likelihood: what greedy decoding gains and loses."""

from collections.abc import Sequence

from practicum.errors import DataError


def repeated_share(ids: Sequence[int], n: int = 4) -> float:
    """The share of a text's n-grams that occurred in it before; 0 where it has none.

    Raises DataError for n below 1.
    """
    if n < 1:
        raise DataError(f"{n}-grams do not exist; expected 1 or more")
    grams = [tuple(ids[start : start + n]) for start in range(len(ids) - n + 1)]
    return 1 - len(set(grams)) / len(grams) if grams else 0.0
