"""What it costs a layer to let n places of width d see each other (Vaswani et al. 2017, Table 1).

    layer                     operations     one after another     longest path
    Recurrent                 n · d²         n                     n
    Convolution, kernel k     k · n · d²     1                     log_k n  (dilated)
    Separable convolution     k·n·d + n·d²   1                     log_k n
    SelfAttention             n² · d         1                     1
    Restricted to r places    r · n · d      1                     n / r

These are orders, without constants: what the layer's own projections cost (n · d² in each of them)
is left out for attention. The paper counts the paths of a stack as deep as its longest path needs.
What a given network really does is counted in `models.chains`.
"""

import math
from dataclasses import dataclass
from typing import Protocol

from practicum.errors import ConfigError


class Mixing(Protocol):
    """A row of the table."""

    def operations(self, n: int, d: int) -> float:
        """Multiplications of one layer."""
        ...

    def sequential(self, n: int) -> float:
        """How many of them have to wait for one another."""
        ...

    def path(self, n: int) -> float:
        """Layers or steps between the two places that are farthest apart."""
        ...


@dataclass(frozen=True, kw_only=True)
class SelfAttention:
    """Every place looks at every place."""

    def operations(self, n: int, d: int) -> float:
        return n * n * d

    def sequential(self, n: int) -> float:
        return 1

    def path(self, n: int) -> float:
        return 1


@dataclass(frozen=True, kw_only=True)
class Recurrent:
    """A state goes from place to place."""

    def operations(self, n: int, d: int) -> float:
        return n * d * d

    def sequential(self, n: int) -> float:
        return n

    def path(self, n: int) -> float:
        return n


@dataclass(frozen=True, kw_only=True)
class Convolution:
    """Every place reads `kernel` neighbours; each layer reaches `kernel` times as far."""

    kernel: int
    separable: bool = False

    def __post_init__(self) -> None:
        if self.kernel < 2:
            raise ConfigError(f"Convolution.kernel is {self.kernel}; expected at least 2")

    def operations(self, n: int, d: int) -> float:
        return self.kernel * n * d + n * d * d if self.separable else self.kernel * n * d * d

    def sequential(self, n: int) -> float:
        return 1

    def path(self, n: int) -> float:
        return max(1.0, math.log(n, self.kernel))


@dataclass(frozen=True, kw_only=True)
class Restricted:
    """Every place looks at the `reach` places around it."""

    reach: int

    def __post_init__(self) -> None:
        if self.reach < 1:
            raise ConfigError(f"Restricted.reach is {self.reach}; expected at least 1")

    def operations(self, n: int, d: int) -> float:
        return min(self.reach, n) * n * d

    def sequential(self, n: int) -> float:
        return 1

    def path(self, n: int) -> float:
        return max(1.0, n / self.reach)


def cheaper_below(d: int) -> int:
    """The longest row for which self-attention takes no more operations than recurrence: n ≤ d."""
    return d
