"""Training, validation and test examples, told apart by a hash of the example itself.

The first 8 bytes of SHA-256 of an example's values, read as a fraction of 2⁶⁴, decide. So an
example keeps its side when others are added or the order changes, equal examples never stand on two
sides, and nothing has to be remembered. Shares are only met about: the fewer examples, the less.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64

from practicum.data.documents import hash_number
from practicum.errors import DataError

Row = np.ndarray | bytes | str


@dataclass(frozen=True, kw_only=True)
class Sides:
    """The numbers of the examples of each side, in their order."""

    train: Int64[np.ndarray, " train"]
    validation: Int64[np.ndarray, " validation"]
    test: Int64[np.ndarray, " test"]


def hash_split(examples: Iterable[Row], *, validation: float = 0.15, test: float = 0.15) -> Sides:
    """Which examples are held out, about those shares of them.

    Raises DataError where a side that should have a share is left empty.
    """
    if min(validation, test) < 0 or validation + test >= 1:
        raise DataError(
            f"shares of {validation} for validation and {test} for the test; expected at least 0 "
            "each and less than 1 together"
        )
    places = np.array([place(example) for example in examples])
    in_test, held_out = places < test, places < test + validation
    sides = Sides(
        train=np.flatnonzero(~held_out),
        validation=np.flatnonzero(held_out & ~in_test),
        test=np.flatnonzero(in_test),
    )
    wanted = (1 - validation - test, validation, test)
    for share, side in zip(wanted, (sides.train, sides.validation, sides.test), strict=True):
        if share and not len(side):
            raise DataError(
                f"{len(places)} examples leave a side of {share:.0%} empty; give more of them, "
                "or another share"
            )
    return sides


def place(example: Row) -> float:
    """A number in [0, 1) that depends on the example's values alone."""
    if isinstance(example, np.ndarray):
        example = np.ascontiguousarray(example).tobytes()
    data = example.encode() if isinstance(example, str) else example
    return hash_number(data) / 2**64
