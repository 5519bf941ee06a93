"""A row of tokens with questions at its end: what tasks of remembering have in common."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Int


class Answered(NamedTuple):
    """The row, and what is to be said at its last places, one answer at each."""

    ids: Int[np.ndarray, " t"]
    answers: Int[np.ndarray, " m"]
