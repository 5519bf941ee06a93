"""A reader as a mixer: a sequence reads itself, by any score of the family (Cheng et al. 2016).

    e_ti = score(W_q x_t, x_i),    α_t = align(e_t),    y_t = W_o Σ_i α_ti x_i

over the tokens i that the state lets token t see: those up to t, in a document, in a window, or all
of them both ways. The past is kept by the same cache as that of attention, as what the score
remembers of each token and the token itself, so that a step compares and never remembers again.
One head; many heads of scaled products are `nn.attention`, and there is no second one.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from practicum.errors import ConfigError
from practicum.nn.alignment import Gumbel, LocalMonotonic
from practicum.nn.cache import KeyValueCache
from practicum.nn.linear import LinearLayer
from practicum.nn.reader import Reader, Remembered
from practicum.nn.scores import Additive, Location
from practicum.nn.seen import Scope, Seen
from practicum.nn.state import Reading, Whole


@dataclass(frozen=True, kw_only=True)
class SelfReader:
    """`reader` without what needs a memory of known size, or draws; `window` as in `Attention`."""

    reader: Reader
    window: int | None = None

    def __post_init__(self) -> None:
        if isinstance(self.reader.score, Location):
            raise ConfigError(
                "SelfReader cannot score by Location, since a sequence has no fixed number of "
                "places; use a score that looks at content"
            )
        if isinstance(self.reader.align, LocalMonotonic | Gumbel):
            raise ConfigError(
                f"SelfReader cannot align by {type(self.reader.align).__name__}: use window= for a "
                "window that moves along, StraightThrough for a choice"
            )
        if self.window is not None and self.window < 1:
            raise ConfigError(f"SelfReader.window is {self.window}; expected at least 1 token")

    def build(self, width: int) -> "SelfReaderLayer":
        return SelfReaderLayer(width, self)


class SelfReaderLayer(nn.Module):
    def __init__(self, width: int, description: SelfReader) -> None:
        super().__init__()
        self.description, self.width = description, width
        self.query = LinearLayer(width, {"query": width}, bias=False)
        self.reader = description.reader.build(width, width)
        self.out = LinearLayer(width, {"out": width}, bias=False)

    def forward(
        self, x: Float[Tensor, "b t d"], state: Reading | None = None
    ) -> Float[Tensor, "b t d"]:
        reading = Whole() if state is None else state
        kept = self.reader.score.remember(x)
        scope = Scope(window=self.description.window)
        seen = reading.see(kept[:, None], x[:, None], scope)
        remembered = Remembered(
            kept=seen.keys[:, 0], values=seen.values[:, 0], mask=_mask(seen, x.shape[1])
        )
        return self.out(self.reader.step(self.query(x), remembered).vectors)

    def new_state(self, rows: int, capacity: int) -> KeyValueCache:
        """An empty cache of `capacity` tokens for each of `rows`, beside the weights."""
        score, weight = self.description.reader.score, self.out.weight
        kept = score.hidden if isinstance(score, Additive) else self.width
        widths = (kept, self.width)
        return KeyValueCache(rows, capacity, 1, widths, device=weight.device, dtype=weight.dtype)


def _mask(seen: Seen, t: int) -> Bool[Tensor, "b t s"]:
    """Where each query may look."""
    slots, device = seen.keys.shape[2], seen.keys.device
    mask = seen.visible(t)
    if mask is not None:
        return mask[:, 0].expand(-1, t, -1)
    return torch.ones(1, t, slots, dtype=torch.bool, device=device)
