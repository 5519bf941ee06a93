"""The cache of keys and values made visible: what it holds, what it saves, how it goes wrong.

A pass for a new token computes its own row alone; without a cache every pass computes all rows
again, so that T tokens cost 1 + 2 + … + T of them.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from practicum.decoding.model import reading
from practicum.models.build import build
from practicum.models.decoder import DecoderModel
from practicum.nn.cache import KeyValueCache
from practicum.nn.stack import StackState
from practicum.nn.state import Past, Reading


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What one layer keeps of what was read: axes are rows, heads, tokens, width."""

    layer: int
    keys: tuple[int, ...]
    values: tuple[int, ...]
    nbytes: int  # of the tokens read; the capacity set aside for more is not counted


def kept_by_layer(state: StackState) -> list[Kept]:
    """The shapes and bytes of every layer's keys and values."""
    return [
        _kept(layer, cache)
        for layer, cache in enumerate(state.blocks)
        if isinstance(cache, KeyValueCache)
    ]


def bytes_per_token(model: DecoderModel) -> int:
    """2 · layers · key-value heads · head width · bytes of a number: what each token costs."""
    state = model.new_state(1, 2)
    state.truncate([0])
    for cache in state.blocks:
        cache.lengths = [1]
    return sum(kept.nbytes for kept in kept_by_layer(state))


@torch.inference_mode()
def step_logits(
    model: DecoderModel, ids: Int[Tensor, "1 t"], *, prompt: int, off_by: int = 0
) -> Float[Tensor, "t v"]:
    """Scores after every token, read by a cache: the first `prompt` at once, then one by one.

    `off_by` is added to the positions of the single ones: a mistake, made on purpose.
    """
    with reading(model):
        state = model.new_state(1, ids.shape[1])
        scores = [model(ids[:, :prompt], state)[0]]
        past: Past = Misplaced(state, off_by) if off_by else state
        for one in ids[:, prompt:].T:
            scores += [model(one[None], past)[0]]
        return torch.cat(scores)


class Misplaced(Past):
    """A past that tells new tokens a place `by` further on than where they stand."""

    def __init__(self, past: Past, by: int) -> None:
        self.past, self.by = past, by

    def positions(self, t, device):
        return self.past.positions(t, device) + self.by

    def reach(self, t):
        return self.past.reach(t) + self.by

    def of_block(self, index: int) -> Reading:
        return _MisplacedReading(self.past.of_block(index), self.by)


class _MisplacedReading(Reading):
    def __init__(self, reading: Reading, by: int) -> None:
        self.reading, self.by = reading, by

    def positions(self, t, device):
        return self.reading.positions(t, device) + self.by

    def reach(self, t):
        return self.reading.reach(t) + self.by

    def see(self, k, v, scope):
        return self.reading.see(k, v, scope)


def seconds_per_token(model: DecoderModel, ids: Int[Tensor, "1 t"], *, cached: bool) -> list[float]:
    """How long the pass for each token takes; the first, which warms up, is done twice."""
    with reading(model):
        _pass(model, ids[:, :1], None)
        state = model.new_state(1, ids.shape[1]) if cached else None
        seconds = []
        for place in range(ids.shape[1]):
            first = place if cached else 0
            start = time.perf_counter()
            _pass(model, ids[:, first : place + 1], state)
            seconds.append(time.perf_counter() - start)
    return seconds


def quarters(seconds: Sequence[float]) -> tuple[float, float]:
    """The medians of the first and of the last quarter: one slow moment of the machine is none."""
    quarter = max(1, len(seconds) // 4)
    first, last = (sorted(part) for part in (seconds[:quarter], seconds[-quarter:]))
    return first[len(first) // 2], last[len(last) // 2]


def _pass(model: DecoderModel, ids: Int[Tensor, "1 t"], state: StackState | None) -> Tensor:
    return model.logits(model.hidden(ids, state)[:, -1:])


def _kept(layer: int, cache: KeyValueCache) -> Kept:
    read = max(cache.lengths)
    keys, values = cache.keys[:, :, :read], cache.values[:, :, :read]
    return Kept(
        layer=layer,
        keys=tuple(keys.shape),
        values=tuple(values.shape),
        nbytes=sum(part.numel() * part.element_size() for part in (keys, values)),
    )


def bottom(model: DecoderModel, layers: int) -> DecoderModel:
    """The model of the lowest `layers` blocks alone; the weights are the same ones."""
    whole = model.description
    description = replace(whole, stack=replace(whole.stack, depth=min(layers, whole.stack.depth)))
    small, weights = build(description, device="meta"), model.state_dict()
    small.load_state_dict({name: weights[name] for name in small.state_dict()}, assign=True)
    return small
