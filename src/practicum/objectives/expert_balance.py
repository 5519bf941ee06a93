"""Keeping experts busy alike: another objective, and a price for routers that prefer some.

For one layer with e experts, of which a token chooses k (Fedus et al. 2021, eq. 4–6):

    L_balance = e · Σ_i f_i · P_i        f_i: share of the tokens that chose expert i, so Σ f = k
                                         P_i: mean probability of expert i, so Σ P = 1
    L_z = mean over tokens of (log Σ_i exp score_i)²         (Zoph et al. 2022, eq. 5)

Even choice costs k and the worst k·e/k = e. Only P has a gradient; f says where it presses. Layers
count by their mean, so that depth does not change the price, and padding counts nowhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from practicum.errors import ConfigError
from practicum.kernels.routing import probabilities
from practicum.nn.routers import heard, mixtures
from practicum.objectives.objective import Batch, Loss, Objective


@runtime_checkable
class Padded(Protocol):
    """A batch some of whose tokens are padding."""

    @property
    def real(self) -> Bool[Tensor, "b t"]: ...


@dataclass(frozen=True, kw_only=True)
class ExpertBalance:
    """`objective` plus `coefficient` · balance + `z` · z, per target.

    `pooled` takes f and P over the tokens of all layers at once, as `transformers` does: layers may
    then prefer different experts for free.
    """

    objective: Objective[Any]
    coefficient: float = 0.02  # of the released configuration of Mixtral 8×7B
    z: float = 0.0
    pooled: bool = False

    def __post_init__(self) -> None:
        for name in ("coefficient", "z"):
            if getattr(self, name) < 0:
                raise ConfigError(
                    f"ExpertBalance.{name} is {getattr(self, name)}; expected at least 0"
                )

    def prepare(self, examples: Sequence[Any], generator: torch.Generator) -> Batch:
        return self.objective.prepare(examples, generator)

    def loss(self, model: nn.Module, batch: Batch) -> Loss:
        """The parts `balance` and `router_z` are means over layers, before their coefficients."""
        with heard(model) as scores:
            loss = self.objective.loss(model, batch)
        real = batch.real.flatten() if isinstance(batch, Padded) else None
        kept = [layer if real is None else layer[real] for layer in scores]
        if self.pooled:
            kept = [torch.cat(kept)]
        top = mixtures(model)[0].description.top
        balance = torch.stack([balance_loss(layer, top) for layer in kept]).mean()
        parts = {**loss.parts, "balance": balance}
        price = self.coefficient * balance
        if self.z:
            parts["router_z"] = torch.stack([z_loss(layer) for layer in kept]).mean()
            price = price + self.z * parts["router_z"]
        return Loss(loss.total + loss.count * price, loss.count, parts)


def balance_loss(scores: Float[Tensor, "n e"], top: int) -> Float[Tensor, ""]:
    """e · Σ f P of the routers' scores for n tokens, none of them padding."""
    n, count = scores.shape
    p = probabilities(scores)
    chosen = p.topk(top).indices.flatten()
    shares = torch.bincount(chosen, minlength=count) / max(1, n)
    return count * (shares * p.mean(0)).sum()


def z_loss(scores: Float[Tensor, "n e"]) -> Float[Tensor, ""]:
    """The mean square of the log of the softmax's denominator: large scores round coarsely."""
    return scores.float().logsumexp(-1).square().mean()
