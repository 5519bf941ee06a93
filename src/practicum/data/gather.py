"""The gather task: rows of random symbols, at every place of which its neighbours are asked for.

Nothing can be guessed, since symbols are independent: whoever names the symbol four places to the
left has looked there. A place that has to name eight neighbours has to look at eight places at
once and keep apart what it saw (cf. Vaswani et al. 2017, §3.2.2).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64

from practicum.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Gather:
    """Rows of `length` symbols out of `symbols`; neighbours stand up to `reach` places away."""

    length: int = 24
    symbols: int = 16
    reach: int = 4

    def __post_init__(self) -> None:
        if self.symbols < 2 or not 1 <= self.reach < self.length:
            raise ConfigError(
                f"Gather of {self.symbols} symbols, {self.reach} places to either side in rows of "
                f"{self.length}; expected 2 symbols or more and a reach within the row"
            )

    @property
    def offsets(self) -> tuple[int, ...]:
        """Where the neighbours stand, from the leftmost: −reach … −1, 1 … reach."""
        return tuple(o for o in range(-self.reach, self.reach + 1) if o)

    def draw(self, count: int, rng: np.random.Generator) -> list[Int64[np.ndarray, " t"]]:
        """`count` fresh rows of ids from 0."""
        return list(rng.integers(self.symbols, size=(count, self.length)))
