"""The selective scan: a diagonal linear recurrence whose coefficients change with every token.

    h_t = exp(Δ_t A) ⊙ h_{t−1} + (Δ_t x_t) B_t,    y_t = C_t · h_t

(Gu & Dao 2023, alg. 2; A by zero-order hold, B by Euler's step). Each channel has a state of `n`
numbers; Δ is called `step`, A `rates` (negative, so that states decay), B `write` and C `read`.
An axis of 1 says that a coefficient is the same along it: B and C are usually shared by the
channels, and with all of them constant in time the recurrence is S4D's (Gu et al. 2022, eq. 2).

Where `starts` is true a document begins and nothing of the state before it is seen. Where `real` is
false a token is padding and leaves the state as it is, since a step of 0 neither decays nor writes.

Nothing here divides by a product of decays, so none can underflow into an error.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor

LOG2_E = math.log2(math.e)
CHUNK_NUMBERS = 2**18  # of states at once, so that a chunk stays in a CPU's cache; more on a GPU
CHUNK_TOKENS = 8  # at least: one state of each chunk is kept for the backward pass


def selective_scan_reference(
    x: Float[Tensor, "b t c"],
    step: Float[Tensor, "#b #t c"],
    rates: Float[Tensor, "c n"],
    write: Float[Tensor, "#b #t #c n"],
    read: Float[Tensor, "#b #t #c n"],
    state: Float[Tensor, "b c n"],
    starts: Bool[Tensor, "#b t"],
    real: Bool[Tensor, "b t"],
) -> tuple[Float[Tensor, "b t c"], Float[Tensor, "b c n"]]:
    """The equation token by token: what is read, and the last state. Judges `selective_scan`."""
    b, t, c = x.shape
    step, write, read = step.expand(b, t, c), write.expand(b, t, c, -1), read.expand(b, t, c, -1)
    outputs = []
    for i in range(t):
        before = state.masked_fill(starts[:, i, None, None], 0.0)
        decay = torch.exp(step[:, i, :, None] * rates)
        after = decay * before + (step[:, i] * x[:, i])[..., None] * write[:, i]
        state = torch.where(real[:, i, None, None], after, state)
        outputs.append((state * read[:, i]).sum(-1))
    return torch.stack(outputs, dim=1), state


def selective_step(
    x: Float[Tensor, "b c"],
    step: Float[Tensor, "#b c"],
    rates: Float[Tensor, "c n"],
    write: Float[Tensor, "#b #c n"],
    read: Float[Tensor, "#b #c n"],
    state: Float[Tensor, "b c n"],
) -> tuple[Float[Tensor, "b c n"], Float[Tensor, "b c"]]:
    """One token: the state after it, and what is read from that."""
    decay = (step[..., None] * rates).exp()
    state = decay * state + (step * x)[..., None] * write
    return state, (state * read).sum(-1)


def selective_scan(
    x: Float[Tensor, "b t c"],
    step: Float[Tensor, "#b #t c"],
    rates: Float[Tensor, "c n"],
    write: Float[Tensor, "#b #t #c n"],
    read: Float[Tensor, "#b #t #c n"],
    *,
    state: Float[Tensor, "b c n"] | None = None,
    starts: Bool[Tensor, "#b t"] | None = None,
    real: Bool[Tensor, "b t"] | None = None,
) -> tuple[Float[Tensor, "b t c"], Float[Tensor, "b c n"]]:
    """`selective_scan_reference`, a chunk of tokens at a time; differentiable once.

    Half precision is computed in float32, and so is the state that comes back. Without a `state`
    the first token sees zeros. Memory is that of one chunk, and of one state for each chunk.

    Within a chunk all that is not the recurrence itself is done for its tokens together; what is
    left for each of them is one fused multiply-add, which a CPU does faster than the log t passes
    of an associative scan. On a GPU with Triton, the kernels of `selective_scan_triton` do it.
    """
    wide = torch.promote_types(x.dtype, torch.float32)
    if state is None:
        state = torch.zeros(x.shape[0], *rates.shape, device=x.device, dtype=wide)
    if real is not None:
        step = step * real[..., None]
    if x.is_cuda:  # Triton takes a while to load, and a CPU has no use for it
        from practicum.kernels.selective_scan_triton import selective_scan_triton, usable

        if usable(x, write, read):
            return selective_scan_triton(x, step, rates, write, read, state, starts)
    y, last = _Scan.apply(
        rearrange(x.to(wide), "b t c -> t b 1 c"),
        rearrange(step.to(wide), "b t c -> t b 1 c"),
        rearrange(rates.to(wide), "c n -> 1 1 n c"),
        rearrange(write.to(wide), "b t c n -> t b n c"),
        rearrange(read.to(wide), "b t c n -> t b n c"),
        rearrange(state.to(wide), "b c n -> b n c"),
        None if starts is None else rearrange(~starts, "b t -> t b 1 1"),
    )
    return rearrange(y, "t b 1 c -> b t c").to(x.dtype), rearrange(last, "b n c -> b c n")


class _Tokens(NamedTuple):
    """What may vary from token to token, as t b n c: time first and channels last."""

    x: Tensor
    step: Tensor
    write: Tensor
    read: Tensor
    keep: Tensor | None = None  # false where nothing before is seen

    def of(self, chunk: slice) -> "_Tokens":
        """Those of a chunk; what is constant in time is the same in each."""
        x, step, write, read = (p if len(p) == 1 else p[chunk] for p in self[:4])
        return _Tokens(x, step, write, read, None if self.keep is None else self.keep[chunk])


class _Room:
    """Memory for one chunk after the other: fresh pages would cost more than the arithmetic."""

    def __init__(self, x: Float[Tensor, "t b 1 c"], state: Float[Tensor, "b n c"]) -> None:
        numbers = CHUNK_NUMBERS if x.device.type == "cpu" else 64 * CHUNK_NUMBERS
        self.tokens = min(len(x), max(CHUNK_TOKENS, numbers // state.numel()))
        self.chunks = [slice(i, i + self.tokens) for i in range(0, len(x), self.tokens)]
        self._like, self._places = state, {}

    def empty(self, name: str, shape: Sequence[int]) -> Tensor:
        """The place called `name`, with whatever it holds."""
        if name not in self._places:
            self._places[name] = self._like.new_empty((self.tokens + 1) * self._like.numel())
        return self._places[name][: math.prod(shape)].view(shape)

    def product(self, name: str, left: Tensor, right: Tensor) -> Tensor:
        """left · right, in the place called `name`."""
        shape = torch.broadcast_shapes(left.shape, right.shape)
        return torch.mul(left, right, out=self.empty(name, shape))

    def sum_to(self, like: Tensor, left: Tensor, right: Tensor) -> Tensor:
        """left · right, summed over the axes that are 1 in `like`."""
        return self.product("summed", left, right).sum_to_size(like.shape)


class _Scan(torch.autograd.Function):
    """The scan, which keeps the state before each chunk and computes the others again."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        step: Tensor,
        rates: Tensor,
        write: Tensor,
        read: Tensor,
        state: Tensor,
        keep: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        tokens, room = _Tokens(x, step, write, read, keep), _Room(x, state)
        y, before = torch.empty_like(x), []
        for chunk in room.chunks:
            before.append(state)
            part = tokens.of(chunk)
            states = _states(part, rates, state, room)[1]
            y[chunk] = room.sum_to(part.x, states[1:], part.read)
            state = states[-1].clone()
        ctx.save_for_backward(x, step, rates, write, read, keep, *before)
        return y, state

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        x, step, rates, write, read, keep, *before = ctx.saved_tensors
        tokens, room = _Tokens(x, step, write, read, keep), _Room(x, before[0])
        grads = _Tokens(*map(torch.zeros_like, tokens[:4]))
        grad_rates = torch.zeros_like(rates)
        grad_y, grad_state = grad_outputs
        for chunk, state in zip(reversed(room.chunks), reversed(before), strict=True):
            part, grad = tokens.of(chunk), grads.of(chunk)
            outputs = grad_y[chunk], grad_state
            of_rates, grad_state = _chunk_backward(part, rates, state, outputs, grad, room)
            grad_rates += of_rates
        return grads.x, grads.step, grad_rates, grads.write, grads.read, grad_state, None


def _states(
    tokens: _Tokens,
    rates: Float[Tensor, "1 1 n c"],
    before: Float[Tensor, "b n c"],
    room: _Room,
) -> tuple[Float[Tensor, "#t #b n c"], Float[Tensor, "s b n c"]]:
    """The decays exp(Δ_t A) of a chunk, and its states with the one before them."""
    decay = room.product("decay", tokens.step, rates * LOG2_E).exp2_()  # faster than exp
    if tokens.keep is not None:
        decay = decay * tokens.keep
    length = len(tokens.x)
    states = room.empty("states", (length + 1, *before.shape))
    states[0] = before
    torch.mul(tokens.step * tokens.x, tokens.write, out=states[1:])
    _recur(decay.expand(length, -1, -1, -1).unbind(), states.unbind())
    return decay, states


def _chunk_backward(
    tokens: _Tokens,
    rates: Float[Tensor, "1 1 n c"],
    before: Float[Tensor, "b n c"],
    grad_outputs: tuple[Float[Tensor, "t b 1 c"], Float[Tensor, "b n c"]],
    grads: _Tokens,
    room: _Room,
) -> tuple[Float[Tensor, "1 1 n c"], Float[Tensor, "b n c"]]:
    """Adds a chunk's gradients to `grads`; returns those of the rates and of the state before it.

    With g_t the gradient of h_t:  g_t = C_t dy_t + exp(Δ_{t+1} A) ⊙ g_{t+1},  and
    dC_t = dy_t h_t,  dB_t = Δ_t x_t g_t,  d(Δ_t A) = g_t ⊙ exp(Δ_t A) ⊙ h_{t−1}.
    """
    decay, states = _states(tokens, rates, before, room)
    grad_y, grad_last = grad_outputs
    grad = room.product("grad", grad_y, tokens.read)
    grad[-1] += grad_last
    decays = decay.expand(len(grad), -1, -1, -1).unbind()
    _recur(decays[:0:-1], grad.unbind()[::-1])
    grads.read.add_(room.sum_to(tokens.read, grad_y, states[1:]))
    grads.write.add_(room.sum_to(tokens.write, tokens.step * tokens.x, grad))
    written = room.sum_to(tokens.x, grad, tokens.write)  # the gradient of Δ_t x_t
    grads.x.add_(tokens.step * written)
    grads.step.add_((tokens.x * written).sum_to_size(tokens.step.shape))
    grad_before = decays[0] * grad[0]
    exponent = grad.mul_(states[:-1]).mul_(decay)  # the gradient of Δ_t A
    grads.step.add_(room.sum_to(tokens.step, exponent, rates))
    return room.sum_to(rates, exponent, tokens.step), grad_before


def _recur(factors: Sequence[Tensor], values: Sequence[Tensor]) -> None:
    """v_i ← v_i + f_i v_{i−1}, in place, for every value after the first."""
    for factor, (before, value) in zip(factors, pairwise(values), strict=True):
        value.addcmul_(factor, before)
