"""Watching attention at work: every head's weights, beside the computation or in its place.

A network is given a past, or sources, that watch: they let the ordinary ones do their work, so that
no bit of the output changes, and make the weights softmax(scale · q kᵀ) once more for a listener. A
listener may answer with other weights; then these, and not the kernel's, mix the values.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from jaxtyping import Bool, Float
from torch import Tensor

from practicum.kernels.attention import mixed
from practicum.nn.seen import Seen, Weighing
from practicum.nn.source import Source
from practicum.nn.state import Past, Reading


@dataclass(frozen=True, kw_only=True, eq=False)
class Attended:
    """What one attention did in one block."""

    layer: int
    queries: Float[Tensor, "b h t k"]
    keys: Float[Tensor, "b g s k"]  # query head i reads key head ⌊i·g/h⌋
    values: Float[Tensor, "b g s c"]
    weights: Float[Tensor, "b h t s"]  # rows sum to 1, what a query may not see has 0
    mixed: Float[Tensor, "b h t c"]  # what each head gathered, before the output matrix
    visible: Bool[Tensor, "#b 1 #t s"] | None = None  # where a query may look; None: everywhere


Listener = Callable[[Attended], Tensor | None]  # other weights, or None: as it was


class WatchedPast(Past):
    """A past whose blocks tell `listener` what they attend to."""

    def __init__(self, past: Past, listener: Listener) -> None:
        self.past, self.listener = past, listener

    def positions(self, t, device):
        return self.past.positions(t, device)

    def reach(self, t):
        return self.past.reach(t)

    def of_block(self, index: int) -> Reading:
        return _WatchedReading(self.past.of_block(index), index, self.listener)


def watched(sources: Sequence[Source | None], listener: Listener) -> list[Source | None]:
    """The sources of a decoder's blocks, which tell `listener` how they are looked at."""
    return [
        None if source is None else _WatchedSource(source, layer, listener)
        for layer, source in enumerate(sources)
    ]


class _WatchedReading(Reading):
    def __init__(self, reading: Reading, layer: int, listener: Listener) -> None:
        self.reading, self.layer, self.listener = reading, layer, listener

    def positions(self, t, device):
        return self.reading.positions(t, device)

    def reach(self, t):
        return self.reading.reach(t)

    def starts(self, t, device):
        return self.reading.starts(t, device)

    def real(self, t, device):
        return self.reading.real(t, device)

    def see(self, k, v, scope):
        return self.reading.see(k, v, scope)

    def attend(self, q, k, v, scope, weighing):
        return _told(self.see(k, v, scope), q, weighing, self.layer, self.listener)


class _WatchedSource(Source):
    def __init__(self, source: Source, layer: int, listener: Listener) -> None:
        super().__init__(source.keys, source.values, source.real)
        self.layer, self.listener = layer, listener

    def attend(self, q, weighing):
        return _told(self.see(q.shape[2]), q, weighing, self.layer, self.listener)


def _told(
    seen: Seen, q: Tensor, weighing: Weighing, layer: int, listener: Listener
) -> Float[Tensor, "b h t c"]:
    gathered = seen.gather(q, weighing)
    other = listener(
        Attended(
            layer=layer,
            queries=q,
            keys=seen.keys,
            values=seen.values,
            weights=seen.weights(q, weighing),
            mixed=gathered,
            visible=seen.visible(q.shape[2]),
        )
    )
    return gathered if other is None else mixed(other, seen.values)
