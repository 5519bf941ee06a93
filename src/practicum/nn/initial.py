"""Initial weights as data: a table of rules, the first that matches a parameter's name applies.

Each parameter draws from a stream of its own, named by the parameter, so that adding one never
shifts the draws of another.
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase

import torch
from torch import nn

from practicum.errors import ConfigError
from practicum.nn.state_space_start import LogUniform, ModesOf
from practicum.seeding import stream


@dataclass(frozen=True, kw_only=True)
class Normal:
    """N(0, std²)."""

    std: float


@dataclass(frozen=True, kw_only=True)
class Uniform:
    """U(−bound, bound)."""

    bound: float


@dataclass(frozen=True, kw_only=True)
class Orthogonal:
    """A random matrix whose shorter side is orthonormal, times `gain` (Saxe et al. 2014)."""

    gain: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Constant:
    """One value everywhere."""

    value: float


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Parameters whose name matches `names` (a shell pattern) start as `start` says."""

    names: str
    start: Normal | Uniform | Orthogonal | Constant | LogUniform | ModesOf


def glorot(inputs: int, outputs: int) -> Uniform:
    """U(−√(6/(inputs + outputs)), …) (Glorot & Bengio 2010, eq. 16)."""
    return Uniform(bound=(6 / (inputs + outputs)) ** 0.5)


def initialise(module: nn.Module, rules: tuple[Rule, ...], *, seed: int) -> None:
    """Set every parameter of `module` by the first rule that matches its name.

    Raises ConfigError for a parameter that no rule matches: nothing starts by accident.
    """
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            draw, generator = torch.empty(parameter.shape), stream(seed, "init", name)
            match _rule(name, rules).start:
                case Constant(value=value):
                    draw.fill_(value)
                case Normal(std=std):
                    draw.normal_(0.0, std, generator=generator)
                case Uniform(bound=bound):
                    draw.uniform_(-bound, bound, generator=generator)
                case Orthogonal(gain=gain):
                    nn.init.orthogonal_(draw, gain, generator=generator)
                case LogUniform() | ModesOf() as start:
                    draw.copy_(start.drawn(parameter.shape, generator))
            parameter.copy_(draw)


def _rule(name: str, rules: tuple[Rule, ...]) -> Rule:
    for rule in rules:
        if fnmatchcase(name, rule.names):
            return rule
    raise ConfigError(f"no rule says how '{name}' starts; add one to the table of initial weights")
