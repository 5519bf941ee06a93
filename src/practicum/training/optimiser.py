"""How a gradient becomes a step: AdamW, SGD, RMSprop, Adadelta or Adafactor, in a `Budget`.

The updates are torch's, but for those of `adafactor`; what is ours is which parameters decay, and
which are `Gentle`: they learn at a share of the rate. The rate is not part of the description: the
loop sets it from the budget's rate and schedule at every step.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import nn

from practicum.errors import ConfigError, TrainingError
from practicum.training.adafactor import AdafactorUpdates


@dataclass(frozen=True, kw_only=True)
class AdamW:
    """Adam with decoupled decay (Loshchilov & Hutter 2019, alg. 2); `decay` 0 is Adam itself.

    Only parameters of two axes or more decay: gains, biases and other vectors do not.
    """

    betas: tuple[float, float] = (0.9, 0.95)
    decay: float = 0.1
    eps: float = 1e-8

    def __post_init__(self) -> None:
        if not all(0 <= beta < 1 for beta in self.betas) or self.decay < 0 or self.eps <= 0:
            raise ConfigError(
                f"AdamW with betas {self.betas}, decay {self.decay}, eps {self.eps}; expected "
                "betas in [0, 1), decay at least 0 and eps above 0"
            )

    def over(self, params: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """An optimiser of `params`."""
        groups = _decaying(trainable(params), self.decay)
        return torch.optim.AdamW(groups, betas=self.betas, eps=self.eps, fused=True)


@dataclass(frozen=True, kw_only=True)
class SGD:
    """θ ← θ − η v with v ← `momentum` v + g (Polyak 1964); momentum 0 is gradient descent."""

    momentum: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.momentum < 1:
            raise ConfigError(f"SGD.momentum is {self.momentum}; expected at least 0, below 1")

    def over(self, params: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """An optimiser of `params`."""
        return torch.optim.SGD(trainable(params), lr=0.0, momentum=self.momentum, fused=True)


@dataclass(frozen=True, kw_only=True)
class RMSprop:
    """θ ← θ − η g/(√v + eps) with v ← `smoothing` v + (1 − smoothing) g² (Hinton 2012)."""

    smoothing: float = 0.99
    eps: float = 1e-8

    def __post_init__(self) -> None:
        if not 0 <= self.smoothing < 1 or self.eps <= 0:
            raise ConfigError(
                f"RMSprop with smoothing {self.smoothing} and eps {self.eps}; expected smoothing "
                "in [0, 1) and eps above 0"
            )

    def over(self, params: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """An optimiser of `params`."""
        return torch.optim.RMSprop(
            trainable(params), lr=0.0, alpha=self.smoothing, eps=self.eps, foreach=True
        )


@dataclass(frozen=True, kw_only=True)
class Adadelta:
    """θ ← θ − η √(u + eps)/√(v + eps) g, v a mean of g² and u one of the steps² (Zeiler 2012).

    Steps have the units of θ, so the rate η is 1; `rho` is the share of a mean that is kept.
    """

    rho: float = 0.95
    eps: float = 1e-6

    def __post_init__(self) -> None:
        if not 0 <= self.rho < 1 or self.eps <= 0:
            raise ConfigError(
                f"Adadelta with rho {self.rho} and eps {self.eps}; expected rho in [0, 1) and eps "
                "above 0"
            )

    def over(self, params: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """An optimiser of `params`."""
        return torch.optim.Adadelta(
            trainable(params), lr=0.0, rho=self.rho, eps=self.eps, foreach=True
        )


@dataclass(frozen=True, kw_only=True)
class Adafactor:
    """Adam without momentum, its second moment factored (Shazeer & Stern 2018; see `adafactor`).

    Updates whose RMS is above `clip` are shortened to it, so `Budget.clip` may be None. The mean of
    g² forgets at 1 − t^−`decay`. `scaled`: the rate is a share of a parameter's own RMS, of
    `floor` at least.
    """

    clip: float = 1.0
    decay: float = 0.8
    eps: float = 1e-30
    scaled: bool = False
    floor: float = 1e-3

    def __post_init__(self) -> None:
        if min(self.clip, self.decay, self.eps, self.floor) <= 0:
            raise ConfigError(
                f"Adafactor with clip {self.clip}, decay {self.decay}, eps {self.eps} and floor "
                f"{self.floor}; expected all above 0"
            )

    def over(self, params: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """An optimiser of `params`."""
        return AdafactorUpdates(
            trainable(params),
            clip=self.clip,
            decay=self.decay,
            eps=self.eps,
            scaled=self.scaled,
            floor=self.floor,
        )


Optimiser = AdamW | SGD | RMSprop | Adadelta | Adafactor


@dataclass(frozen=True, kw_only=True)
class Gentle:
    """Parameters that learn at a `share` of the rate and do not decay, by their names.

    So do those of a dynamical system, where a small change means another memory (Gu et al. 2021).
    """

    names: tuple[str, ...]  # shell patterns
    share: float

    def __post_init__(self) -> None:
        if not self.names or not 0 <= self.share <= 1:
            raise ConfigError(
                f"Gentle with names {self.names} and share {self.share}; expected one pattern or "
                "more and a share from 0 to 1"
            )

    def matches(self, name: str) -> bool:
        """Whether the parameter of this name is one of them."""
        return any(fnmatchcase(name, pattern) for pattern in self.names)


def over_model(
    model: nn.Module, params: Iterable[nn.Parameter], optimiser: Optimiser, gentle: Gentle | None
) -> torch.optim.Optimizer:
    """An optimiser of those `params` of `model` that take a gradient.

    The last group holds the gentle ones; its `share` of the rate is for the loop to apply.

    Raises TrainingError where no parameter is gentle: a pattern that matches nothing is a mistake.
    """
    if gentle is None:
        return optimiser.over(params)
    names = {parameter: name for name, parameter in model.named_parameters()}
    sides: tuple[list[nn.Parameter], list[nn.Parameter]] = ([], [])
    for parameter in trainable(params):
        sides[gentle.matches(names.get(parameter, ""))].append(parameter)
    if not sides[True]:
        raise TrainingError(
            f"no parameter is called {' or '.join(gentle.names)}, so none is gentle; leave that out"
        )
    made = optimiser.over(sides[False])
    made.add_param_group({"params": sides[True], "weight_decay": 0.0, "share": gentle.share})
    return made


def trainable(params: Iterable[nn.Parameter]) -> list[nn.Parameter]:
    """Those of `params` that take a gradient. Raises TrainingError when there are none."""
    found = [p for p in params if p.requires_grad]
    if not found:
        raise TrainingError("nothing to train: no parameter given requires a gradient")
    return found


def _decaying(params: list[nn.Parameter], decay: float) -> list[dict[str, Any]]:
    if decay == 0:
        return [{"params": params, "weight_decay": 0.0}]  # one group, one fused update
    groups = [
        {"params": [p for p in params if p.ndim >= 2], "weight_decay": decay},
        {"params": [p for p in params if p.ndim < 2], "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]
