"""Initial weights as data: a table of rules, the first that matches a parameter's name applies.

Each parameter draws from a stream of its own, named by the parameter, so that adding one never
shifts the draws of another.
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase

import torch
from torch import nn

from practicum.errors import ConfigError
from practicum.seeding import stream


@dataclass(frozen=True, kw_only=True)
class Normal:
    """N(0, std²)."""

    std: float


@dataclass(frozen=True, kw_only=True)
class Constant:
    """One value everywhere."""

    value: float


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Parameters whose name matches `names` (a shell pattern) start as `start` says."""

    names: str
    start: Normal | Constant


def initialise(module: nn.Module, rules: tuple[Rule, ...], *, seed: int) -> None:
    """Set every parameter of `module` by the first rule that matches its name.

    Raises ConfigError for a parameter that no rule matches: nothing starts by accident.
    """
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            match _rule(name, rules).start:
                case Constant(value=value):
                    parameter.fill_(value)
                case Normal(std=std):
                    draw = torch.empty(parameter.shape).normal_(
                        0.0, std, generator=stream(seed, "init", name)
                    )
                    parameter.copy_(draw)


def _rule(name: str, rules: tuple[Rule, ...]) -> Rule:
    for rule in rules:
        if fnmatchcase(name, rule.names):
            return rule
    raise ConfigError(f"no rule says how '{name}' starts; add one to the table of initial weights")
