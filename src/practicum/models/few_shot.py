"""Naming a thing after having seen a few others: pictures with their names, then one without.

    x_t = [embed(picture_t); one-hot(label_t)], no label at the last;  logits = W snail(x)_T

The network is given its examples as a sequence and learns to learn from them (Mishra et al. 2018,
§3): attention finds the one that looks alike, convolutions carry what was seen along.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from practicum.errors import ConfigError
from practicum.nn.initial import Constant, Normal, Rule
from practicum.nn.linear import LinearLayer
from practicum.nn.snail import Snail, few_shot


@dataclass(frozen=True, kw_only=True)
class FewShot:
    """`ways` names for pictures of `pixels` numbers, `shots` examples of each."""

    ways: int
    shots: int
    pixels: int
    width: int = 64  # of an embedded picture
    snail: Snail | None = None  # None: the published stack

    def __post_init__(self) -> None:
        if min(self.ways, self.shots, self.pixels, self.width) < 1:
            raise ConfigError(
                f"FewShot has {self.ways} ways, {self.shots} shots, {self.pixels} pixels and a "
                f"width of {self.width}; all must be at least 1"
            )

    @property
    def stack(self) -> Snail:
        """The one given, or the published one for this many examples."""
        return self.snail or few_shot(self.ways * self.shots + 1)

    @property
    def initial(self) -> tuple[Rule, ...]:
        """Small weights, so that what is appended starts smaller than what was there."""
        return (
            Rule(names="*.bias", start=Constant(value=0.0)),
            Rule(names="up.weight", start=Normal(std=(2 / self.pixels) ** 0.5)),
            Rule(names="down.weight", start=Normal(std=(1 / (2 * self.width)) ** 0.5)),
            Rule(names="*", start=Normal(std=0.05)),
        )

    def build(self) -> "FewShotModel":
        return FewShotModel(self)


class FewShotModel(nn.Module):
    """The network a `FewShot` describes; `models.build.build` makes one with weights."""

    def __init__(self, description: FewShot) -> None:
        super().__init__()
        self.description = description
        width, ways = description.width, description.ways
        self.up = LinearLayer(description.pixels, {"hidden": 2 * width}, bias=True)
        self.down = LinearLayer(2 * width, {"embedding": width}, bias=True)
        self.stack = description.stack.build(width + ways)
        after = description.stack.width_after(width + ways)
        self.head = LinearLayer(after, {"ways": ways}, bias=True)

    def forward(
        self, pictures: Float[Tensor, "b t pixels"], labels: Int[Tensor, "b t"]
    ) -> Float[Tensor, "b ways"]:
        """Scores (logits) of the last picture's name; its label is not looked at."""
        embedded = self.down(F.relu(self.up(pictures)))
        told = F.one_hot(labels, self.description.ways).to(embedded.dtype)
        told = torch.cat([told[:, :-1], torch.zeros_like(told[:, :1])], dim=1)
        return self.head(self.stack(torch.cat([embedded, told], dim=-1))[:, -1])
