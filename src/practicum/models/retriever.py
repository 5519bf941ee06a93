"""The smallest network around a way to read: embeddings, one look, an answer.

    h_i = E_key[k_i] + E_value[v_i] (+ P[i])      s = E_asked[q]
    c = mechanism(s, h)                           p(value) = softmax(MLP([c; s]))

All that differs between two of them is the mechanism, so what one finds and another does not is
its own doing. What was asked is seen again by the answer, which may therefore know which part of
the memory vector it wanted.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from practicum.nn.embedding import empty_embedding
from practicum.nn.initial import Constant, Normal, Rule
from practicum.nn.linear import LinearLayer
from practicum.nn.memory_head import MemoryHead
from practicum.nn.positions import LearnedPositions
from practicum.nn.reader import Read, Reader

Mechanism = Reader | MemoryHead


@dataclass(frozen=True, kw_only=True)
class Retriever:
    """Reads memories of up to `slots` pairs of a key and a value."""

    mechanism: Mechanism
    asked: int  # how many different things can be asked
    keys: int
    values: int
    slots: int
    width: int = 64
    hidden: int = 128
    positions: LearnedPositions | None = None  # None: what stands where is not told

    @property
    def initial(self) -> tuple[Rule, ...]:
        """Matrices keep the scale of what they read; embeddings have a standard deviation of ½.

        At 1 the plain products of two embeddings are so large that most softmaxes start saturated.
        A head starts by trusting content, and narrow: at 0 it would see nearly the mean.
        """
        embeddings = ("keys.weight", "values.weight", "questions.weight", "places.weight")
        return (
            Rule(names="mechanism.move.bias", start=Constant(value=2.0)),
            Rule(names="*.bias", start=Constant(value=0.0)),
            *(Rule(names=name, start=Normal(std=0.5)) for name in embeddings),
            Rule(names="up.weight", start=Normal(std=self.width**-0.5)),
            Rule(names="down.weight", start=Normal(std=self.hidden**-0.5)),
            Rule(names="mechanism.*", start=Normal(std=self.width**-0.5)),
        )

    def build(self) -> "RetrieverModel":
        return RetrieverModel(self)


class RetrieverModel(nn.Module):
    """The network a `Retriever` describes; `models.build.build` makes one with weights."""

    def __init__(self, description: Retriever) -> None:
        super().__init__()
        self.description = description
        width, slots, positions = description.width, description.slots, description.positions
        self.keys = empty_embedding(description.keys, width)
        self.values = empty_embedding(description.values, width)
        self.questions = empty_embedding(description.asked, width)
        self.places = positions.build(slots, width) if positions else None
        self.mechanism = description.mechanism.build(width, width, slots)
        self.up = LinearLayer(2 * width, {"hidden": description.hidden}, bias=True)
        self.down = LinearLayer(description.hidden, {"values": description.values}, bias=True)

    def memory(
        self, keys: Int[Tensor, "b s"], values: Int[Tensor, "b s"]
    ) -> Float[Tensor, "b s d"]:
        """A vector for every slot."""
        memory = self.keys(keys) + self.values(values)
        if self.places is None:
            return memory
        return memory + self.places(torch.arange(keys.shape[1], device=keys.device)[None])

    def look(
        self,
        keys: Int[Tensor, "b s"],
        values: Int[Tensor, "b s"],
        asked: Int[Tensor, "b t"],
        *,
        generator: torch.Generator | None = None,
    ) -> Read:
        """What each of the questions reads of the memory, and from where."""
        memory = self.memory(keys, values)
        return self.mechanism(self.questions(asked), memory, generator=generator)

    def answer(
        self, read: Float[Tensor, "b t d"], asked: Int[Tensor, "b t"]
    ) -> Float[Tensor, "b t v"]:
        """Scores (logits) of the values, from what was read."""
        both = torch.cat([read, self.questions(asked)], dim=-1)
        return self.down(F.relu(self.up(both)))

    def forward(
        self, keys: Int[Tensor, "b s"], values: Int[Tensor, "b s"], asked: Int[Tensor, "b t"]
    ) -> Float[Tensor, "b t v"]:
        return self.answer(self.look(keys, values, asked).vectors, asked)
