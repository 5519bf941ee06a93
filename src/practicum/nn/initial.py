"""Initial weights as data: a table of rules, the first that matches a parameter's name applies.

Each parameter draws from a stream of its own, named by the parameter, so that adding one never
shifts the draws of another.
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase

import torch
from jaxtyping import Float
from torch import Tensor, nn

from practicum.errors import ConfigError
from practicum.nn.state_space_start import LogUniform, ModesOf
from practicum.seeding import stream


@dataclass(frozen=True, kw_only=True)
class Normal:
    """N(0, std²)."""

    std: float

    def drawn(self, shape: torch.Size, generator: torch.Generator) -> Float[Tensor, "..."]:
        """Values for a parameter of this shape."""
        return torch.empty(shape).normal_(0.0, self.std, generator=generator)


@dataclass(frozen=True, kw_only=True)
class NormalRows:
    """N(0, std²) with an std for each of the parts of a matrix, which are consecutive rows of it.

    Of q, k and v in one matrix, say, each starts as if it were one of its own.
    """

    rows: tuple[int, ...]
    std: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.rows) != len(self.std) or min(self.rows, default=0) < 1:
            raise ConfigError(
                f"NormalRows of {self.rows} rows and std {self.std}; expected one std for each "
                "part, and parts of 1 row or more"
            )

    def drawn(self, shape: torch.Size, generator: torch.Generator) -> Float[Tensor, "..."]:
        """Values for a parameter of this shape. Raises ConfigError for other numbers of rows."""
        if shape[0] != sum(self.rows):
            raise ConfigError(f"parts of {self.rows} rows do not make up a matrix of {shape[0]}")
        std = torch.tensor(self.std).repeat_interleave(torch.tensor(self.rows))
        return torch.randn(shape, generator=generator) * std.reshape(-1, *[1] * (len(shape) - 1))


@dataclass(frozen=True, kw_only=True)
class Uniform:
    """U(−bound, bound)."""

    bound: float

    def drawn(self, shape: torch.Size, generator: torch.Generator) -> Float[Tensor, "..."]:
        """Values for a parameter of this shape."""
        return torch.empty(shape).uniform_(-self.bound, self.bound, generator=generator)


@dataclass(frozen=True, kw_only=True)
class Orthogonal:
    """A random matrix whose shorter side is orthonormal, times `gain` (Saxe et al. 2014)."""

    gain: float = 1.0

    def drawn(self, shape: torch.Size, generator: torch.Generator) -> Float[Tensor, "..."]:
        """Values for a parameter of this shape."""
        made = torch.empty(shape)
        return nn.init.orthogonal_(made, self.gain, generator=generator)


@dataclass(frozen=True, kw_only=True)
class Constant:
    """One value everywhere."""

    value: float

    def drawn(self, shape: torch.Size, generator: torch.Generator) -> Float[Tensor, "..."]:
        """Values for a parameter of this shape; nothing is random."""
        return torch.full(shape, self.value)


@dataclass(frozen=True, kw_only=True)
class InverseSoftplus:
    """log(exp Δ − 1), so that softplus gives a Δ between `low` and `high`, but at least `floor`.

    Every order of magnitude of Δ is drawn alike.
    """

    low: float = 1e-3
    high: float = 1e-1
    floor: float = 1e-4

    def __post_init__(self) -> None:
        if not 0 < self.low < self.high or self.floor <= 0:
            raise ConfigError(
                f"InverseSoftplus from {self.low} to {self.high}, at least {self.floor}; "
                "expected 0 < low < high and a floor above 0"
            )

    def drawn(self, shape: torch.Size, generator: torch.Generator) -> Float[Tensor, "..."]:
        """Values for a parameter of this shape."""
        step = LogUniform(low=self.low, high=self.high).drawn(shape, generator).exp()
        step = step.clamp(min=self.floor)
        return step + torch.log(-torch.expm1(-step))  # exp(Δ) − 1 would lose a small Δ


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Parameters whose name matches `names` (a shell pattern) start as `start` says."""

    names: str
    start: (
        Normal
        | NormalRows
        | Uniform
        | Orthogonal
        | Constant
        | LogUniform
        | InverseSoftplus
        | ModesOf
    )


def glorot(inputs: int, outputs: int) -> Uniform:
    """U(−√(6/(inputs + outputs)), …) (Glorot & Bengio 2010, eq. 16)."""
    return Uniform(bound=(6 / (inputs + outputs)) ** 0.5)


def initialise(module: nn.Module, rules: tuple[Rule, ...], *, seed: int) -> None:
    """Set every parameter of `module` by the first rule that matches its name.

    Raises ConfigError for a parameter that no rule matches: nothing starts by accident.
    """
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            generator = stream(seed, "init", name)
            parameter.copy_(_rule(name, rules).start.drawn(parameter.shape, generator))


def _rule(name: str, rules: tuple[Rule, ...]) -> Rule:
    for rule in rules:
        if fnmatchcase(name, rule.names):
            return rule
    raise ConfigError(f"no rule says how '{name}' starts; add one to the table of initial weights")
