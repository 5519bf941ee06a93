"""How well each vector of a memory answers a query: the scores of the attention family.

With the query s_t and the memory vector h_i (table in Weng 2018, "Summary"):

    Content     β cos(s_t, h_i)                 Graves et al. 2014
    Additive    v_aᵀ tanh(W_a s_t + U_a h_i)    Bahdanau et al. 2015, A.1.2
    Location    (W_a s_t)_i                     Luong et al. 2015, eq. 8: no look at h
    General     s_tᵀ W_a h_i                    Luong et al. 2015, §3.1
    Dot         s_tᵀ h_i                        Luong et al. 2015, §3.1
    ScaledDot   s_tᵀ h_i / √d                   Vaswani et al. 2017, eq. 1
    Even        0: the mean of the memory, the control of all the others

Every layer works in two halves, `remember` once per memory and `compare` once per query, so that a
recurrent reader computes U_a h a single time. Nothing is masked or normalised here (see
`nn.alignment`); many heads at once are `nn.attention`. Extra axes: `q` width of a query, `a` width
in which both sides are compared.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from practicum.errors import ConfigError, ModelError
from practicum.kernels.memory_addressing import unit
from practicum.nn.linear import LinearLayer


class ScoreLayer(nn.Module, ABC):
    """Scores of every query for every vector of a memory."""

    @abstractmethod
    def remember(self, memory: Float[Tensor, "b s d"]) -> Float[Tensor, "b s a"]:
        """What does not depend on the query."""

    @abstractmethod
    def compare(
        self, queries: Float[Tensor, "b t q"], kept: Float[Tensor, "b s a"]
    ) -> Float[Tensor, "b t s"]:
        """The scores, from what `remember` gave."""

    def forward(
        self, queries: Float[Tensor, "b t q"], memory: Float[Tensor, "b s d"]
    ) -> Float[Tensor, "b t s"]:
        return self.compare(queries, self.remember(memory))


@dataclass(frozen=True, kw_only=True)
class Content:
    """The cosine, times the strength β: without one a softmax over cosines stays nearly flat."""

    strength: float = 1.0

    def __post_init__(self) -> None:
        if self.strength <= 0.0:
            raise ConfigError(f"Content.strength is {self.strength}; expected a number above 0")

    def build(self, query: int, memory: int, slots: int | None = None) -> "ContentLayer":
        _require_one_width("Content", query, memory)
        return ContentLayer(self)


@dataclass(frozen=True, kw_only=True)
class Additive:
    """A layer of `hidden` tanh units over query and memory vector, and one output."""

    hidden: int

    def __post_init__(self) -> None:
        if self.hidden < 1:
            raise ConfigError(f"Additive.hidden is {self.hidden}; expected at least 1")

    def build(self, query: int, memory: int, slots: int | None = None) -> "AdditiveLayer":
        return AdditiveLayer(query, memory, self)


@dataclass(frozen=True, kw_only=True)
class Location:
    """A score for each of `slots` places from the query alone."""

    def build(self, query: int, memory: int, slots: int | None = None) -> "LocationLayer":
        if slots is None or slots < 1:
            raise ConfigError(
                f"Location scores a fixed number of places, but slots is {slots}; give the size "
                "of the largest memory"
            )
        return LocationLayer(query, slots)


@dataclass(frozen=True, kw_only=True)
class General:
    """A dot product after a matrix that brings the memory to the query's width."""

    def build(self, query: int, memory: int, slots: int | None = None) -> "GeneralLayer":
        return GeneralLayer(query, memory)


@dataclass(frozen=True, kw_only=True)
class Dot:
    """The dot product."""

    def build(self, query: int, memory: int, slots: int | None = None) -> "DotLayer":
        _require_one_width("Dot", query, memory)
        return DotLayer(scale=1.0)


@dataclass(frozen=True, kw_only=True)
class ScaledDot:
    """The dot product over √d, whose variance does not grow with the width d."""

    def build(self, query: int, memory: int, slots: int | None = None) -> "DotLayer":
        _require_one_width("ScaledDot", query, memory)
        return DotLayer(scale=memory**-0.5)


@dataclass(frozen=True, kw_only=True)
class Even:
    """No preference: what is read is the mean of the memory, whatever was asked."""

    def build(self, query: int, memory: int, slots: int | None = None) -> "EvenLayer":
        return EvenLayer()


# `build(query, memory, slots)`: the widths of both sides, and the most vectors a memory may hold,
# which only `Location` has to know.
Score = Content | Additive | Location | General | Dot | ScaledDot | Even


class ContentLayer(ScoreLayer):
    def __init__(self, description: Content) -> None:
        super().__init__()
        self.strength = description.strength

    def remember(self, memory: Float[Tensor, "b s d"]) -> Float[Tensor, "b s d"]:
        return unit(memory)

    def compare(
        self, queries: Float[Tensor, "b t d"], kept: Float[Tensor, "b s d"]
    ) -> Float[Tensor, "b t s"]:
        return self.strength * _products(unit(queries), kept)


class AdditiveLayer(ScoreLayer):
    """W_a is `query.weight`, U_a `memory.weight`, v_a `out.weight`; no biases, as published."""

    def __init__(self, query: int, memory: int, description: Additive) -> None:
        super().__init__()
        self.query = LinearLayer(query, {"query": description.hidden}, bias=False)
        self.memory = LinearLayer(memory, {"memory": description.hidden}, bias=False)
        self.out = LinearLayer(description.hidden, {"out": 1}, bias=False)

    def remember(self, memory: Float[Tensor, "b s d"]) -> Float[Tensor, "b s a"]:
        return self.memory(memory)

    def compare(
        self, queries: Float[Tensor, "b t q"], kept: Float[Tensor, "b s a"]
    ) -> Float[Tensor, "b t s"]:
        both = self.query(queries)[:, :, None] + kept[:, None]
        return self.out(torch.tanh(both)).squeeze(-1)


class LocationLayer(ScoreLayer):
    def __init__(self, query: int, slots: int) -> None:
        super().__init__()
        self.slots = slots
        self.places = LinearLayer(query, {"places": slots}, bias=False)

    def remember(self, memory: Float[Tensor, "b s d"]) -> Float[Tensor, "b s d"]:
        """The memory, of which only the number of vectors is used.

        Raises ModelError when there are more of them than places.
        """
        if memory.shape[1] > self.slots:
            raise ModelError(
                f"a memory of {memory.shape[1]} vectors for a Location with {self.slots} slots; "
                "build it with more"
            )
        return memory

    def compare(
        self, queries: Float[Tensor, "b t q"], kept: Float[Tensor, "b s d"]
    ) -> Float[Tensor, "b t s"]:
        return self.places(queries)[..., : kept.shape[1]]


class GeneralLayer(ScoreLayer):
    def __init__(self, query: int, memory: int) -> None:
        super().__init__()
        self.memory = LinearLayer(memory, {"memory": query}, bias=False)

    def remember(self, memory: Float[Tensor, "b s d"]) -> Float[Tensor, "b s q"]:
        return self.memory(memory)

    def compare(
        self, queries: Float[Tensor, "b t q"], kept: Float[Tensor, "b s q"]
    ) -> Float[Tensor, "b t s"]:
        return _products(queries, kept)


class DotLayer(ScoreLayer):
    def __init__(self, *, scale: float) -> None:
        super().__init__()
        self.scale = scale

    def remember(self, memory: Float[Tensor, "b s d"]) -> Float[Tensor, "b s d"]:
        return memory

    def compare(
        self, queries: Float[Tensor, "b t d"], kept: Float[Tensor, "b s d"]
    ) -> Float[Tensor, "b t s"]:
        return self.scale * _products(queries, kept)


class EvenLayer(ScoreLayer):
    def remember(self, memory: Float[Tensor, "b s d"]) -> Float[Tensor, "b s d"]:
        return memory

    def compare(
        self, queries: Float[Tensor, "b t q"], kept: Float[Tensor, "b s d"]
    ) -> Float[Tensor, "b t s"]:
        return queries.new_zeros(*queries.shape[:2], kept.shape[1])


def _products(
    queries: Float[Tensor, "b t a"], kept: Float[Tensor, "b s a"]
) -> Float[Tensor, "b t s"]:
    return torch.einsum("bta,bsa->bts", queries, kept)


def _require_one_width(name: str, query: int, memory: int) -> None:
    if query != memory:
        raise ConfigError(
            f"{name} compares vectors of one width, but queries have {query} and the memory "
            f"{memory}; use General or Additive, or project one side"
        )
