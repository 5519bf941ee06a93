"""Two views of one example belong together, all others do not: InfoNCE (van den Oord et al. 2018).

For a batch of n examples with views z₁ … z₂ₙ of length 1, partner p(i), and temperature τ:
    L = −Σᵢ log( exp(zᵢ·z_p(i)/τ) / Σ_{j≠i} exp(zᵢ·zⱼ/τ) )    (Chen et al. 2020, eq. 1)
Guessing costs log(2n − 1) nats a view. The larger the batch, the more there is to tell apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Num
from torch import Tensor, nn
from torch.nn import functional as F

from practicum.errors import ConfigError
from practicum.objectives.corruption import Corruption
from practicum.objectives.objective import Loss, TensorBatch
from practicum.objectives.self_supervised import Example, stacked


@dataclass(frozen=True)
class Views(TensorBatch):
    """Two views of each of n examples: the second ones stand after the first ones."""

    x: Num[Tensor, "b ..."]

    @property
    def count(self) -> int:
        return len(self.x)

    @property
    def tokens(self) -> int:
        return self.x.numel()


@dataclass(frozen=True, kw_only=True)
class Contrastive:
    """Views differ by a `corruption`; what the model gives for one is a vector of any length."""

    corruption: Corruption
    temperature: float = 0.5

    def __post_init__(self) -> None:
        if self.temperature <= 0:
            raise ConfigError(
                f"Contrastive.temperature is {self.temperature}; expected a number above 0"
            )

    def prepare(self, examples: Sequence[Example], generator: torch.Generator) -> Views:
        x = stacked(examples)
        return Views(torch.cat([self.corruption(x, generator) for _ in range(2)]))

    def loss(self, model: nn.Module, batch: Views) -> Loss:
        return Loss(info_nce(model(batch.x), self.temperature), batch.count)


def info_nce(z: Float[Tensor, "b d"], temperature: float) -> Float[Tensor, ""]:
    """The summed loss of views of which the second half are partners of the first, in order."""
    z = F.normalize(z, dim=1)
    likeness = z @ z.T / temperature
    likeness.fill_diagonal_(-torch.inf)  # a view is no partner of itself
    partners = torch.arange(len(z), device=z.device).roll(len(z) // 2)
    return F.cross_entropy(likeness, partners, reduction="sum")
