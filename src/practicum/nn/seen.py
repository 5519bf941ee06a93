"""What queries may look at, how far, and how what they see becomes weights.

With m the position of a query and n that of a key, a `Scope` lets m see n where n ≤ m and, if there
is a window W, m − W < n or n < first: the first tokens, on which heads with nothing to say rest
(Xiao et al. 2023, "attention sinks"), may stay in sight of all. The weights are

    softmax(c · tanh(scale · q kᵀ / c) + bias)

with a cap c on the scores (Gemma 2) and a bias by the distance m − n where a `Weighing` has them.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from practicum.errors import ConfigError, ModelError
from practicum.kernels.attention import attention, attention_weights, mixed
from practicum.kernels.windowed_attention import windowed_attention

Distances = Int[Tensor, "#b t s"]


@dataclass(frozen=True, kw_only=True)
class Scope:
    """How far back a query sees: all, or `window` tokens with itself, and the `first` ones."""

    window: int | None = None
    first: int = 0

    def __post_init__(self) -> None:
        if self.window is not None and self.window < 1:
            raise ConfigError(f"window is {self.window}; expected at least 1 token")
        if self.first < 0 or (self.first and self.window is None):
            raise ConfigError(
                f"first is {self.first} with a window of {self.window}; expected 0 or more tokens, "
                "beside a window"
            )

    def holds(self, length: int) -> bool:
        """Whether every query of a text of `length` sees all before it."""
        return self.window is None or self.window >= length

    def admits(
        self, query: Int[Tensor, "#b t 1"], key: Int[Tensor, "#b 1 s"]
    ) -> Bool[Tensor, "b t s"]:
        """Which keys stand where these queries look."""
        seen = key <= query
        if self.window is None:
            return seen
        near = key > query - self.window
        return seen & (near | (key < self.first) if self.first else near)


@dataclass(frozen=True, kw_only=True, eq=False)
class Weighing:
    """How scores become weights: all but who sees whom."""

    scale: float
    cap: float | None = None
    # (queries "b h t k", distances) → what is added to the scores, "#b h t s"
    bias: Callable[[Tensor, Distances], Tensor] | None = None
    dropout: float = 0.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Seen:
    """What queries may look at: keys, values, and where."""

    keys: Float[Tensor, "b g s k"]
    values: Float[Tensor, "b g s c"]
    mask: Bool[Tensor, "#b 1 #t s"] | None = None
    causal: bool = False  # query i sees keys 0…i, and no mask is needed
    window: int | None = None  # of these, the latest; only beside `causal`
    distances: Callable[[], Distances] | None = None  # from keys to queries; made when asked for

    def gather(self, q: Float[Tensor, "b h t k"], weighing: Weighing) -> Float[Tensor, "b h t c"]:
        """What every query gathers."""
        if weighing.cap is not None:
            weights = self.weights(q, weighing)
            if weighing.dropout:
                weights = torch.nn.functional.dropout(weights, weighing.dropout)
            return mixed(weights, self.values)
        scale, dropout, bias = weighing.scale, weighing.dropout, self.bias(q, weighing)
        if self.window is not None and bias is None:
            return windowed_attention(
                q, self.keys, self.values, window=self.window, scale=scale, dropout=dropout
            )
        plain = self.window is None and bias is None
        return attention(
            q,
            self.keys,
            self.values,
            mask=self.mask if plain else self.visible(q.shape[2]),
            causal=self.causal and plain,
            scale=scale,
            dropout=dropout,
            bias=bias,
        )

    def weights(self, q: Float[Tensor, "b h t k"], weighing: Weighing) -> Float[Tensor, "b h t s"]:
        """The weights themselves, before dropout: rows sum to 1, what is not visible has 0."""
        return attention_weights(
            q,
            self.keys,
            mask=self.visible(q.shape[2]),
            scale=weighing.scale,
            cap=weighing.cap,
            bias=self.bias(q, weighing),
        )

    def bias(self, q: Float[Tensor, "b h t k"], weighing: Weighing) -> Tensor | None:
        """What is added to the scores; None: nothing."""
        if weighing.bias is None:
            return None
        if self.distances is None:
            raise ModelError("a bias by distance needs positions, and a source has none")
        return weighing.bias(q, self.distances())

    def visible(self, t: int) -> Bool[Tensor, "#b 1 #t s"] | None:
        """Where each of `t` queries may look; None: everywhere."""
        if not self.causal:
            return self.mask
        place = torch.arange(t, device=self.keys.device)
        scope = Scope(window=self.window)
        return scope.admits(place[None, :, None], place[None, None])[:, None]
