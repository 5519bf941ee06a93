"""State space layers as mixers: S4 (Gu et al. 2021) and S4D (Gu et al. 2022).

Every channel u of the stream goes through a linear system of its own,

    x' = A x + B u,   y = C x + D u,       A = Λ − P P* (S4) or Λ (S4D), read every Δ,

which is one function computed in two ways: whole rows are convolved with the kernel K̄ of the system
(`kernels.low_rank_system`, `kernels.diagonal_system`), and with a state the system advances a token
at a time, in time and memory that do not grow. Channels meet afterwards: y ← GLU(W dropout(φ(y))).

All parameters are real: log Δ, log(−Re Λ), Im Λ and D as they are; P, B and C as pairs of real
numbers. N/2 modes of a state of N numbers are held, each for itself and its conjugate.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import torch
from einops import rearrange
from jaxtyping import Bool, Complex, Float
from torch import Tensor, nn
from torch.nn import functional as F

from practicum.errors import ConfigError, ModelError
from practicum.kernels.activations import Activation, activate
from practicum.kernels.blocked_system import BlockedSystem, blocked
from practicum.kernels.diagonal_system import DiagonalSystem
from practicum.kernels.long_convolution import long_convolution
from practicum.kernels.low_rank_system import LowRankSystem
from practicum.kernels.state_space import Discretisation
from practicum.nn.linear import LinearLayer
from practicum.nn.recurrence import Recurrence
from practicum.nn.state import BothWays, Reading, Whole

BLOCK = 32  # tokens that a state reads together, a power of 2
SYSTEM = ("log_step", "log_decay", "frequency", "low_rank", "input")  # Δ, Λ, P, B: learn gently


@dataclass(frozen=True, kw_only=True)
class LowRank:
    """A = Λ − P P*, discretised by the bilinear rule: S4.

    What is learned in place of C is C̃ = C (I − Ā^length), so kernels up to `length` cost nothing
    more. Longer rows are read too, after a power of Ā.
    """

    length: int

    def __post_init__(self) -> None:
        if self.length < 1:
            raise ConfigError(f"LowRank.length is {self.length}; expected at least 1")


@dataclass(frozen=True, kw_only=True)
class Diagonal:
    """A = Λ, and B = 1: S4D."""

    discretisation: Discretisation = "zoh"


@dataclass(frozen=True, kw_only=True)
class StateSpace:
    """A state of `state` numbers for each channel."""

    matrix: LowRank | Diagonal
    state: int = 64
    bidirectional: bool = False  # a second C for what comes after a token; an encoder's
    activation: Activation = "gelu"
    dropout: float = 0.0  # after the activation, while training

    def __post_init__(self) -> None:
        if self.state < 2 or self.state % 2:
            raise ConfigError(
                f"StateSpace.state is {self.state}; expected an even number: modes come in pairs"
            )
        if not 0.0 <= self.dropout < 1.0:
            raise ConfigError(f"StateSpace.dropout is {self.dropout}; expected 0 ≤ dropout < 1")

    def build(self, width: int) -> "StateSpaceLayer":
        return StateSpaceLayer(width, self)


class StateSpaceState(Recurrence):
    """The modes of every row and channel, beside the system and C as they are when it is made."""

    def __init__(
        self,
        rows: int,
        system: LowRankSystem | DiagonalSystem,
        c: Complex[Tensor, "h n"],
    ) -> None:
        self.system, self.c = system, c
        shape = {"modes": (*c.shape, 2)}
        super().__init__(rows, shape, device=c.device, dtype=c.dtype.to_real())

    def read(self, u: Float[Tensor, "b t h"]) -> Float[Tensor, "b t h"]:
        """C x at each of `t` more tokens: by blocks of them as far as they go, then one by one.

        Where some are padding, which no state may see, all go one by one.
        """
        t, x = u.shape[1], torch.view_as_complex(self.kept["modes"])
        inputs, real, found = u.to(self.kept["modes"].dtype), self.real(t, u.device), []
        together = 0 if real is not None else t - t % BLOCK
        for block in inputs[:, :together].split(BLOCK, dim=1) if together else ():
            after, said = self.blocks.advance(_apart(x), block)
            x = torch.complex(*after.chunk(2, dim=-1))
            found.append(said)
        for place in range(together, t):
            new = self.system.advance(x, inputs[:, place])
            x = new if real is None else torch.where(real[:, place, None, None], new, x)
            found.append(2 * (self.c * x).real.sum(-1)[:, None])
        self.advance(t, {"modes": torch.view_as_real(x)})
        return torch.cat(found, dim=1).to(u.dtype)

    @cached_property
    def blocks(self) -> BlockedSystem:
        """The system in blocks, over states as [Re x, Im x]; made when first asked for."""
        one = torch.ones_like(self.system.step)[None]
        b = self.system.advance(torch.zeros_like(self.c)[None], one)[0]
        rows = 2 * _apart(self.c.conj())
        return blocked(self.system.dense(), _apart(b), rows, doublings=BLOCK.bit_length() - 1)


class StateSpaceLayer(nn.Module):
    def __init__(self, width: int, description: StateSpace) -> None:
        super().__init__()
        self.description = description
        modes, low_rank = description.state // 2, isinstance(description.matrix, LowRank)
        self.log_step = nn.Parameter(torch.empty(width))
        self.log_decay = nn.Parameter(torch.empty(width, modes))
        self.frequency = nn.Parameter(torch.empty(width, modes))
        self.low_rank = nn.Parameter(torch.empty(width, modes, 2)) if low_rank else None
        self.input = nn.Parameter(torch.empty(width, modes, 2)) if low_rank else None
        ways = 2 if description.bidirectional else 1
        self.output = nn.Parameter(torch.empty(ways, width, modes, 2))  # C, or C̃ of S4
        self.skip = nn.Parameter(torch.empty(width))
        self.mix = LinearLayer(width, {"value": width, "gate": width}, bias=True)

    def forward(
        self, x: Float[Tensor, "b t d"], state: Reading | None = None
    ) -> Float[Tensor, "b t d"]:
        y = self._read(x, Whole() if state is None else state) + self.skip * x
        y = activate(y, self.description.activation)
        if self.training and self.description.dropout:
            y = F.dropout(y, self.description.dropout)
        return F.glu(self.mix(y), dim=-1)

    def kernels(self, length: int) -> Float[Tensor, "ways d t"]:
        """K̄ of every channel: of what was, and in a bidirectional layer of what comes."""
        system, c = self.system(self._wide), _complex(self.output, self._wide)
        match self.description.matrix:
            case LowRank(length=own) if length <= own:
                return system.kernel(c, own)[..., :length]
            case LowRank():
                precise = cast(LowRankSystem, self.system(torch.float64))
                return system.kernel(
                    precise.truncated(self._untruncated(), length).to(c.dtype), length
                )
            case Diagonal():
                return system.kernel(c, length)

    def system(self, dtype: torch.dtype) -> LowRankSystem | DiagonalSystem:
        """Λ, P, B and Δ as they are now."""
        poles = torch.complex(-self.log_decay.to(dtype).exp(), self.frequency.to(dtype))
        step = self.log_step.to(dtype).exp()
        match self.description.matrix:
            case Diagonal(discretisation=how):
                return DiagonalSystem(poles, step, how)
            case LowRank():
                p, b = (_complex(part, dtype) for part in (self.low_rank, self.input))
                return LowRankSystem(poles, p, b, step)

    def new_state(self, rows: int, capacity: int) -> StateSpaceState:
        """Nothing read yet, by the system as it is now; any `capacity` takes the same memory.

        Raises ModelError for a bidirectional layer, which has to see the end first.
        """
        if self.description.bidirectional:
            raise ModelError(
                "a bidirectional state space layer reads whole rows; it cannot go on token by token"
            )
        c = self._untruncated()[0].to(self._wide.to_complex())
        return StateSpaceState(rows, self.system(self._wide), c)

    def _read(self, x: Float[Tensor, "b t d"], reading: Reading) -> Float[Tensor, "b t d"]:
        both = isinstance(reading, BothWays)
        if both != self.description.bidirectional:
            way = "both ways" if both else "forwards alone"
            raise ModelError(
                f"this state space layer has bidirectional={not both} and is asked to read {way}; "
                f"describe it with bidirectional={both}"
            )
        if isinstance(reading, StateSpaceState):
            return reading.read(x)
        t, device = x.shape[1], x.device
        if (real := reading.real(t, device)) is not None:
            x = x * real[..., None]
        if (starts := reading.starts(t, device)) is not None:
            return _by_document(x, starts.expand(len(x), -1), self._convolved)
        return self._convolved(x)

    def _convolved(self, x: Float[Tensor, "b t d"]) -> Float[Tensor, "b t d"]:
        kernels = self.kernels(x.shape[1])
        backward = kernels[1] if self.description.bidirectional else None
        y = long_convolution(rearrange(x, "b t d -> b d t"), kernels[0], backward)
        return rearrange(y, "b d t -> b t d")

    def _untruncated(self) -> Complex[Tensor, "ways d n"]:
        """C, in double precision."""
        c, system = _complex(self.output, torch.float64), self.system(torch.float64)
        match self.description.matrix, system:
            case LowRank(length=length), LowRankSystem():
                return system.untruncated(c, length)
            case _:
                return c

    @torch.no_grad()
    def rescale(self, factor: float) -> None:
        """Read signals sampled every `factor` times as long: 2 where every second value is left.

        Δ grows by the factor, and C̃ of S4 becomes the one that belongs to the new Δ.
        """
        if factor <= 0:
            raise ModelError(f"a sampling interval cannot become {factor} times as long")
        c = self._untruncated()
        self.log_step += math.log(factor)
        match self.description.matrix, self.system(torch.float64):
            case LowRank(length=length), LowRankSystem() as system:
                self.output.copy_(torch.view_as_real(system.truncated(c, length)))
            case _:
                pass

    @property
    def _wide(self) -> torch.dtype:
        """The precision of systems and kernels: half is not enough."""
        return torch.promote_types(self.log_step.dtype, torch.float32)


def rescale(model: nn.Module, factor: float) -> None:
    """Let every state space layer of `model` read signals of another rate: see the layer's."""
    for part in model.modules():
        if isinstance(part, StateSpaceLayer):
            part.rescale(factor)


def _complex(pairs: Tensor | None, dtype: torch.dtype) -> Complex[Tensor, "*b n"]:
    assert pairs is not None, "a diagonal system has neither P nor B"
    return torch.view_as_complex(pairs.to(dtype))


def _apart(x: Complex[Tensor, "*b n"]) -> Float[Tensor, "*b m"]:
    """[Re x, Im x]."""
    return torch.cat([x.real, x.imag], dim=-1)


def _by_document(
    x: Float[Tensor, "b t d"],
    starts: Bool[Tensor, "b t"],
    read: Callable[[Tensor], Tensor],
) -> Float[Tensor, "b t d"]:
    """`read` of every document as a row of its own, padded on the right, and all put back."""
    fresh = starts.clone()
    fresh[:, 0] = True
    fresh = fresh.flatten()
    document = fresh.cumsum(0) - 1
    token = torch.arange(len(fresh), device=x.device)
    place = token - token[fresh][document]
    apart = x.new_zeros(int(document[-1]) + 1, int(place.max()) + 1, x.shape[2])
    apart[document, place] = x.flatten(0, 1)
    return read(apart)[document, place].unflatten(0, x.shape[:2])
