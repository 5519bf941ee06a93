"""Mamba's mixer: a selective state space between a gate and a short convolution (Gu & Dao 2023).

    u, z = W_in x,    v = silu(convolution(u)),    r, B, C = W_v v,    Δ = softplus(W_Δ r + b_Δ)
    h_t = exp(Δ_t A) ⊙ h_{t−1} + Δ_t v_t B_t,    y = W_out [(C · h + D ⊙ v) ⊙ silu(z)]

(§3.4, alg. 2), with A = −exp(`log_rates`), D the `skip`, r of a low `rank`. What a token writes
into the state, what it reads and how long its step is depends on the token. The control without
that has Δ, B and C as parameters, for each channel: S4's recurrence in the same place (alg. 1).

The past is the last inputs of the convolution and one state per channel, of the same size after any
number of tokens; both are kept in float32 at least, and so are Δ and A computed.
"""

import math
from dataclasses import dataclass

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from practicum.errors import ConfigError, ModelError
from practicum.kernels.long_convolution import long_convolution
from practicum.kernels.selective_scan import selective_scan, selective_step
from practicum.kernels.short_convolution import (
    convolution_step,
    inputs_to_keep,
    short_convolution,
)
from practicum.kernels.vandermonde import vandermonde
from practicum.nn.linear import LinearLayer
from practicum.nn.recurrence import Recurrence
from practicum.nn.state import BothWays, Reading, Whole


@dataclass(frozen=True, kw_only=True)
class Selective:
    """`expand` · width channels, each with a state of `state` numbers."""

    state: int = 16
    convolution: int = 4  # tokens it spans
    expand: float = 2
    rank: int | None = None  # of what Δ is made of; None: ⌈width / 16⌉
    selective: bool = True  # False: Δ, B and C are the same for all tokens
    gated: bool = True  # False: without z

    def __post_init__(self) -> None:
        smallest = min(self.state, self.convolution, 1 if self.rank is None else self.rank)
        if smallest < 1 or self.expand <= 0:
            raise ConfigError(
                f"Selective has a state of {self.state}, a convolution of {self.convolution}, "
                f"expand {self.expand} and rank {self.rank}; expected 1 or more of each, and "
                "expand above 0"
            )

    def channels(self, width: int) -> int:
        """How many channels a layer of this width has."""
        channels = self.expand * width
        if not math.isclose(channels, round(channels)):
            raise ConfigError(
                f"a width of {width} expanded by {self.expand} makes {channels:g} channels; "
                "expected a whole number"
            )
        return round(channels)

    def step_rank(self, width: int) -> int:
        """The rank of Δ's matrix in a layer of this width."""
        return -(-width // 16) if self.rank is None else self.rank

    def build(self, width: int) -> "SelectiveLayer":
        return SelectiveLayer(width, self)


class SelectiveLayer(nn.Module):
    def __init__(self, width: int, description: Selective) -> None:
        super().__init__()
        self.description = description
        c, n = description.channels(width), description.state
        branches = {"signal": c, "gate": c} if description.gated else {"signal": c}
        self.enter = LinearLayer(width, branches, bias=False)
        self.convolution_weight = nn.Parameter(torch.empty(c, description.convolution))
        self.convolution_bias = nn.Parameter(torch.empty(c))
        if description.selective:
            parts = {"step": description.step_rank(width), "write": n, "read": n}
            self.select = LinearLayer(c, parts, bias=False)
            self.step = LinearLayer(parts["step"], {"step": c}, bias=False)
        else:
            self.write = nn.Parameter(torch.empty(c, n))
            self.read = nn.Parameter(torch.empty(c, n))
        self.step_bias = nn.Parameter(torch.empty(c))
        self.log_rates = nn.Parameter(torch.empty(c, n))
        self.skip = nn.Parameter(torch.empty(c))
        self.out = LinearLayer(c, {"out": width}, bias=False)

    def forward(
        self, x: Float[Tensor, "b t d"], state: Reading | None = None
    ) -> Float[Tensor, "b t d"]:
        if isinstance(state, BothWays):
            raise ModelError(
                "a selective state space reads from left to right; it cannot look both ways"
            )
        signal, gate = self._branches(x)
        if not isinstance(state, Recurrence):
            signal, y = self._whole(signal, Whole() if state is None else state)
        elif x.shape[1] == 1 and state.real(1, x.device) is None:
            signal, y = self._stepped(signal, state)
        else:
            signal, y = self._continued(signal, state)
        y = y + self.skip.to(y.dtype) * signal
        return self.out(y if gate is None else y * F.silu(gate))

    def new_state(self, rows: int, capacity: int) -> Recurrence:
        """What `rows` texts of any length leave behind before their first token: zeros."""
        (c, n), width = self.log_rates.shape, self.description.convolution
        dtype = torch.promote_types(self.log_rates.dtype, torch.float32)
        shapes = {"inputs": (width - 1, c), "hidden": (c, n)}
        return Recurrence(rows, shapes, device=self.log_rates.device, dtype=dtype)

    def _branches(
        self, x: Float[Tensor, "b t d"]
    ) -> tuple[Float[Tensor, "b t c"], Float[Tensor, "b t c"] | None]:
        """u, and z where there is a gate."""
        entered = self.enter(x)
        if not self.description.gated:
            return entered, None
        signal, gate = entered.chunk(2, dim=-1)
        return signal, gate

    def _coefficients(
        self, signal: Float[Tensor, "b t c"]
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Δ, A, B and C, as `selective_scan` takes them."""
        rates = -_wide(self.log_rates).exp()
        if not self.description.selective:
            step = F.softplus(_wide(self.step_bias))
            return step[None, None], rates, self.write[None, None], self.read[None, None]
        n = self.description.state
        low, write, read = self.select(signal).split([self.select.parts["step"], n, n], dim=-1)
        step = F.softplus(_wide(self.step(low)) + _wide(self.step_bias))
        return step, rates, write[:, :, None], read[:, :, None]

    def _whole(
        self, signal: Float[Tensor, "b t c"], reading: Reading
    ) -> tuple[Float[Tensor, "b t c"], Float[Tensor, "b t c"]]:
        """v and C · h of whole texts."""
        starts = reading.starts(signal.shape[1], signal.device)
        weights = self.convolution_weight, self.convolution_bias
        signal = F.silu(short_convolution(signal, *weights, starts=starts))
        if starts is None and not self.description.selective:
            return signal, self._convolved(signal)
        return signal, selective_scan(signal, *self._coefficients(signal), starts=starts)[0]

    def _convolved(self, signal: Float[Tensor, "b t c"]) -> Float[Tensor, "b t c"]:
        """C · h where no token has a say: a convolution with Σ_n Δ B_n C_n e^{l Δ A_n}, l ≥ 0."""
        step, rates, write, read = self._coefficients(signal)
        step = step[0, 0, :, None]
        halves = step * _wide(write[0, 0]) * _wide(read[0, 0]) / 2  # a real mode is its own pair
        kind = step.dtype.to_complex()
        logs = (step * rates).to(kind)
        kernel = vandermonde(halves[:, None].to(kind), logs, signal.shape[1])[:, 0]
        y = long_convolution(rearrange(signal, "b t c -> b c t"), kernel)
        return rearrange(y, "b c t -> b t c")

    def _continued(
        self, signal: Float[Tensor, "b t c"], state: Recurrence
    ) -> tuple[Float[Tensor, "b t c"], Float[Tensor, "b t c"]]:
        """v and C · h of the tokens that follow what `state` has read."""
        t, before = signal.shape[1], state.kept["inputs"].to(signal.dtype)
        real = state.real(t, signal.device)
        weights = self.convolution_weight, self.convolution_bias
        inputs = inputs_to_keep(signal, self.description.convolution, before=before, real=real)
        signal = F.silu(short_convolution(signal, *weights, before=before))
        coefficients, hidden = self._coefficients(signal), state.kept["hidden"]
        y, hidden = selective_scan(signal, *coefficients, state=hidden, real=real)
        state.advance(t, {"inputs": _wide(inputs), "hidden": hidden})
        return signal, y

    def _stepped(
        self, signal: Float[Tensor, "b 1 c"], state: Recurrence
    ) -> tuple[Float[Tensor, "b 1 c"], Float[Tensor, "b 1 c"]]:
        """As `_continued`, for one token."""
        before = state.kept["inputs"].to(signal.dtype)
        weights = self.convolution_weight, self.convolution_bias
        v, inputs = convolution_step(signal[:, 0], *weights, before)
        signal = F.silu(v)[:, None]
        step, rates, write, read = self._coefficients(signal)
        now = signal[:, 0], step[:, 0], rates, write[:, 0], read[:, 0]
        hidden, y = selective_step(*now, state.kept["hidden"])
        state.advance(1, {"inputs": _wide(inputs), "hidden": hidden})
        return signal, y[:, None].to(signal.dtype)


def _wide(x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """In float32 where it is less."""
    return x.to(torch.promote_types(x.dtype, torch.float32))
