"""The selective scan in two Triton kernels, which keep a tile of states in registers.

The equations are those of `selective_scan`, here with B and C that the channels share. A program
owns a few channels of one row and walks along time in tiles. Within a tile the states are an
associative scan over pairs,  (a, u) ∘ (a′, u′) = (a a′, a′ u + u′),  to which comes what is left of
the state before it. That state alone is written; the backward pass walks from the last tile to the
first and computes the others again. The gradients of B and C are added up by programs in no fixed
order, so that their last bits may differ from run to run.

Without Triton this file can be imported, and `usable` says no.
"""

from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from practicum.kernels.triton_language import constexpr, kernel, tl, triton

TOKENS, CHANNELS, WARPS = 32, 8, 4  # of a tile


def usable(x: Float[Tensor, "b t c"], *shared: Float[Tensor, "#b #t #c n"]) -> bool:
    """Whether the kernels can take these: on a GPU, in float32 or half, with shared B and C."""
    return (
        triton is not None
        and x.is_cuda
        and x.dtype != torch.float64
        and all(part.shape[2] == 1 for part in shared)
    )


def selective_scan_triton(
    x: Float[Tensor, "b t c"],
    step: Float[Tensor, "#b #t c"],
    rates: Float[Tensor, "c n"],
    write: Float[Tensor, "#b #t 1 n"],
    read: Float[Tensor, "#b #t 1 n"],
    state: Float[Tensor, "b c n"],
    starts: Bool[Tensor, "#b t"] | None,
) -> tuple[Float[Tensor, "b t c"], Float[Tensor, "b c n"]]:
    """As `selective_scan`; inputs may be in half precision, sums and states are in float32."""
    b, t, _ = x.shape
    return _Scan.apply(
        x.contiguous(),
        step.expand_as(x).contiguous(),
        rates.float().contiguous(),
        write[:, :, 0].expand(b, t, -1).contiguous(),
        read[:, :, 0].expand(b, t, -1).contiguous(),
        state.float().contiguous(),
        None if starts is None else (~starts).expand(b, t).to(torch.uint8).contiguous(),
    )


class _Scan(torch.autograd.Function):
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
        rows, length, channels = x.shape
        tiles = triton.cdiv(length, TOKENS)
        before = torch.empty(rows, tiles, *rates.shape, device=x.device)
        y, last = torch.empty_like(x), torch.empty_like(state)
        with torch.cuda.device_of(x):
            _forward[(rows, triton.cdiv(channels, CHANNELS))](
                *(x, step, rates, write, read, x if keep is None else keep, state),
                *(y, before, last),
                *(length, channels, rates.shape[1]),
                **_constants(rates, keep),
            )
        ctx.save_for_backward(x, step, rates, write, read, keep, before)
        return y, last

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        x, step, rates, write, read, keep, before = ctx.saved_tensors
        rows, length, channels = x.shape
        grad_x, grad_step = torch.empty_like(x), torch.empty_like(step)
        grad_rates = rates.new_empty(rows, *rates.shape)
        grad_write, grad_read = (torch.zeros_like(p, dtype=torch.float32) for p in (write, read))
        grad_state = torch.empty_like(grad_rates)
        with torch.cuda.device_of(x):
            _backward[(rows, triton.cdiv(channels, CHANNELS))](
                *(x, step, rates, write, read, x if keep is None else keep, before),
                *(part.contiguous() for part in grad_outputs),
                *(grad_x, grad_step, grad_rates, grad_write, grad_read, grad_state),
                *(length, channels, rates.shape[1]),
                **_constants(rates, keep),
            )
        shared = grad_write.to(write.dtype), grad_read.to(read.dtype)
        return grad_x, grad_step, grad_rates.sum(0), *shared, grad_state, None


def _constants(rates: Tensor, keep: Tensor | None) -> dict[str, Any]:
    """What a kernel is compiled for."""
    numbers = triton.next_power_of_2(rates.shape[1])
    resets = keep is not None
    return {"T": TOKENS, "C": CHANNELS, "N": numbers, "RESETS": resets, "num_warps": WARPS}


@kernel
def _combine(decay, state, next_decay, next_state):
    return decay * next_decay, next_decay * state + next_state


@kernel
def _load(at, places, inside):
    return tl.load(at + places, mask=inside, other=0.0).to(tl.float32)


@kernel
def _decays(step, rates, keep_at, places, inside, RESETS: constexpr):
    decay = tl.exp(step[:, :, None] * rates[None, :, :])
    if RESETS:
        keep = tl.load(keep_at + places, mask=inside, other=1)
        decay = tl.where((keep != 0)[:, None, None], decay, 0.0)
    return decay


@kernel
def _row_of(tile, index):
    """tile[index] along the first axis, which registers cannot be asked for."""
    here = tl.arange(0, tile.shape[0]) == index
    return tl.sum(tl.where(here[:, None, None], tile, 0.0), axis=0)


# In both kernels c, n and t are places in a tile, cn, tc and tn in memory; whatever is beyond the
# text has a step of 0, so that the states and their gradients pass through it.


@kernel
def _forward(
    x_at,
    step_at,
    rates_at,
    write_at,
    read_at,
    keep_at,
    state_at,
    y_at,
    before_at,
    last_at,
    length,
    channels,
    numbers,
    T: constexpr,
    C: constexpr,
    N: constexpr,
    RESETS: constexpr,
):
    row, c, n = (
        tl.program_id(0).to(tl.int64),
        tl.program_id(1) * C + tl.arange(0, C),
        tl.arange(0, N),
    )
    in_c, in_n = c < channels, n < numbers
    cn, in_cn = c[:, None] * numbers + n[None, :], in_c[:, None] & in_n[None, :]
    rates = _load(rates_at, cn, in_cn)
    state = _load(state_at, row * channels * numbers + cn, in_cn)
    tiles = tl.cdiv(length, T)
    for tile in range(tiles):
        tl.store(before_at + (row * tiles + tile) * channels * numbers + cn, state, mask=in_cn)
        t = tile * T + tl.arange(0, T)
        in_t, rt = t < length, row * length + t
        tc, in_tc = rt[:, None] * channels + c[None, :], in_t[:, None] & in_c[None, :]
        tn, in_tn = rt[:, None] * numbers + n[None, :], in_t[:, None] & in_n[None, :]
        x, step = _load(x_at, tc, in_tc), _load(step_at, tc, in_tc)
        write, read = _load(write_at, tn, in_tn), _load(read_at, tn, in_tn)
        decay = _decays(step, rates, keep_at, rt, in_t, RESETS)
        written = (step * x)[:, :, None] * write[:, None, :]
        passed, states = tl.associative_scan((decay, written), 0, _combine)
        states += passed * state[None, :, :]
        tl.store(y_at + tc, tl.sum(states * read[:, None, :], axis=2), mask=in_tc)
        state = _row_of(states, T - 1)
    tl.store(last_at + row * channels * numbers + cn, state, mask=in_cn)


@kernel
def _backward(
    x_at,
    step_at,
    rates_at,
    write_at,
    read_at,
    keep_at,
    before_at,
    grad_y_at,
    grad_last_at,
    grad_x_at,
    grad_step_at,
    grad_rates_at,
    grad_write_at,
    grad_read_at,
    grad_state_at,
    length,
    channels,
    numbers,
    T: constexpr,
    C: constexpr,
    N: constexpr,
    RESETS: constexpr,
):
    row, c, n = (
        tl.program_id(0).to(tl.int64),
        tl.program_id(1) * C + tl.arange(0, C),
        tl.arange(0, N),
    )
    in_c, in_n = c < channels, n < numbers
    cn, in_cn = c[:, None] * numbers + n[None, :], in_c[:, None] & in_n[None, :]
    rates = _load(rates_at, cn, in_cn)
    grad_state = _load(grad_last_at, row * channels * numbers + cn, in_cn)
    grad_rates = tl.zeros((C, N), dtype=tl.float32)
    tiles = tl.cdiv(length, T)
    for back in range(tiles):
        tile = tiles - 1 - back
        state = _load(before_at, (row * tiles + tile) * channels * numbers + cn, in_cn)
        t = tile * T + tl.arange(0, T)
        in_t, rt = t < length, row * length + t
        tc, in_tc = rt[:, None] * channels + c[None, :], in_t[:, None] & in_c[None, :]
        tn, in_tn = rt[:, None] * numbers + n[None, :], in_t[:, None] & in_n[None, :]
        x, step = _load(x_at, tc, in_tc), _load(step_at, tc, in_tc)
        write, read = _load(write_at, tn, in_tn), _load(read_at, tn, in_tn)
        grad_y = _load(grad_y_at, tc, in_tc)
        decay = _decays(step, rates, keep_at, rt, in_t, RESETS)
        written = (step * x)[:, :, None] * write[:, None, :]
        passed, states = tl.associative_scan((decay, written), 0, _combine)
        passed *= state[None, :, :]  # what is left of the state before the tile
        states += passed
        grad_read = tl.sum(grad_y[:, :, None] * states, axis=1)
        tl.atomic_add(grad_read_at + tn, grad_read, mask=in_tn)

        in_next = t + 1 < length
        next_step = _load(step_at, tc + channels, in_next[:, None] & in_c[None, :])
        next_decay = _decays(next_step, rates, keep_at, rt + 1, in_next, RESETS)
        wanted = grad_y[:, :, None] * read[:, None, :]
        passed, grad = tl.associative_scan((next_decay, wanted), 0, _combine, reverse=True)
        grad += passed * grad_state[None, :, :]
        grad_state = _row_of(grad, 0)  # for the tile before, whose last token asks for its decay
        grad_write = tl.sum(grad * (step * x)[:, :, None], axis=1)
        tl.atomic_add(grad_write_at + tn, grad_write, mask=in_tn)
        grad_written = tl.sum(grad * write[:, None, :], axis=2)
        exponent = grad * (states - written)  # of Δ_t A: what is left of h_{t−1} is h_t − written
        grad_step = x * grad_written + tl.sum(exponent * rates[None, :, :], axis=2)
        tl.store(grad_x_at + tc, step * grad_written, mask=in_tc)
        tl.store(grad_step_at + tc, grad_step, mask=in_tc)
        grad_rates += tl.sum(exponent * step[:, :, None], axis=0)
        first = _row_of(grad * decay, 0)  # the one of the first tile stays
        tl.store(grad_state_at + row * channels * numbers + cn, first, mask=in_cn)
    tl.store(grad_rates_at + row * channels * numbers + cn, grad_rates, mask=in_cn)
