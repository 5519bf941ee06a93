"""Attention to keys and values in blocks of a pool, in two Triton kernels, for decoding.

The tokens that a row sees are split into spans, and a program owns one span of one key-value head
with all queries that read it, so that heads that share keys, and new tokens, read them once. It
walks along its span in tiles and keeps, of each query, the largest score m, the sum l of e^(z − m)
over scores z, and the sum a of the values so weighted, rescaled where m grows (Milakov & Gimelshein
2018, alg. 3). The second kernel puts the spans of a query together (Dao et al. 2023,
*Flash-Decoding*):

    m = max mᵢ;   out = Σ aᵢ e^(mᵢ − m) / Σ lᵢ e^(mᵢ − m).

How many programs there are follows from shapes alone. How long a row is, and so where its spans
lie, is read on the GPU, and a program without tokens ends at once. So nothing waits for a number to
reach the host, and a step can be captured in a CUDA graph after a first call, which compiles.

Queries are the rows of a matrix, of 16 at least, so that tensor cores multiply them: also where
there is one, since the time goes into reading keys and values. Sums are in float32, whatever the
precision of the pool; `torch.backends.cuda.matmul.allow_tf32` says, as it does for torch, whether
factors in float32 may be rounded. What a table names beyond a row's length, or before its window,
is not read: it may hold anything.

Without Triton this file can be imported, and `usable` says no.
"""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from practicum.kernels.triton_language import constexpr, kernel, tl, triton

PROGRAMS = 512  # about as many as a large GPU runs at a time, twice
SHORT, LONG = 128, 4096  # tokens of a span: with fewer none pays, with more others would wait
MOST = 128  # spans of a row
FEWEST = 16  # rows and columns of a product
TILE_ROWS, TILE_TOKENS = 64, 128  # at most
TILE_BYTES = 16_384  # of queries, which stay in registers; of keys; and of values
WARPS, STAGES = 4, 5  # two tiles are on their way, and each is two loads: of a table, then by it
COMBINED = 32  # spans that are put together at a time
EXACT = "tf32x3"  # float32 as three products on tensor cores, whose error is float32's own


class Plan(NamedTuple):
    """How the work is divided."""

    rows: int  # queries of a program, padding included
    tiles: int  # programs for all queries of one key-value head
    tokens: int  # that are read at a time
    spans: int  # of every row
    least: int  # tokens of a span, but for the last


def usable(
    q: Float[Tensor, "b h t k"], keys: Float[Tensor, "n g w k"], values: Float[Tensor, "n g w c"]
) -> bool:
    """Whether the kernels can take these: on a GPU, of one precision, float32 or half.

    Heads are at most 256 wide in float32, 512 in half precision; GPUs are of 2020 or later.
    """
    return (
        triton is not None
        and q.is_cuda
        and torch.cuda.get_device_capability(q.device) >= (8, 0)
        and q.numel() > 0
        and q.dtype == keys.dtype == values.dtype
        and q.dtype in (torch.float32, torch.bfloat16, torch.float16)
        and FEWEST * _widest(q, values) * q.element_size() <= TILE_BYTES
        and keys.is_contiguous()
        and values.is_contiguous()
    )


def plan(
    q: Float[Tensor, "b h t k"],
    values: Float[Tensor, "n g w c"],
    tables: Int[Tensor, "b m"],
    window: int | None,
) -> Plan:
    """It follows from shapes and precision, never from what the tensors hold."""
    (b, h, t, _), (_, g, w, _), m = q.shape, values.shape, tables.shape[1]
    fitting = TILE_BYTES // (_widest(q, values) * q.element_size())
    held = fitting if q.element_size() == 2 else fitting // 2  # products of float32 hold more
    rows = min(_padded(h // g * t), TILE_ROWS, max(FEWEST, held))
    tiles = triton.cdiv(h // g * t, rows)
    seen = m * w if window is None else min(m * w, window + t - 1)
    filling = triton.cdiv(PROGRAMS, b * g * tiles)
    spans = min(max(filling, triton.cdiv(seen, LONG)), triton.cdiv(seen, SHORT), MOST)
    least = SHORT if filling > 1 else LONG // 4  # on a GPU that is full anyway, fewer are cheaper
    return Plan(rows, tiles, min(TILE_TOKENS, fitting), spans, least)


def paged_attention_triton(
    q: Float[Tensor, "b h t k"],
    keys: Float[Tensor, "n g w k"],
    values: Float[Tensor, "n g w c"],
    tables: Int[Tensor, "b m"],
    lengths: Int[Tensor, " b"],
    *,
    scale: float,
    window: int | None = None,
) -> Float[Tensor, "b h t c"]:
    """As `paged_attention`, which see; not differentiable."""
    (b, h, t, k), (_, g, w, c), m = q.shape, values.shape, tables.shape[1]
    q = q if q.stride(-1) == 1 else q.contiguous()
    tables, lengths = tables.contiguous(), lengths.contiguous()
    work = plan(q, values, tables, window)
    out = q.new_empty(b, h, t, c)
    parts = b * h * t * work.spans if work.spans > 1 else 0
    tops, totals = q.new_empty((2, parts), dtype=torch.float32)
    sums = q.new_empty((parts, c), dtype=torch.float32)
    exact = q.dtype == torch.float32 and not torch.backends.cuda.matmul.allow_tf32
    about = {"W": w, "WINDOW": window or 0, "N": work.tokens, "C": _padded(c)}
    with torch.cuda.device_of(q):
        _attend[(work.tiles * g, b, work.spans)](
            *(q, keys, values, tables, lengths, tops, totals, sums, out),
            *(t, g, h // g, k, c, m, work.least, scale * math.log2(math.e), *q.stride()[:3]),
            **about,
            K=_padded(k),
            R=work.rows,
            PRECISION=EXACT if exact else "tf32",
            num_warps=WARPS,
            num_stages=STAGES,
        )
        if parts:
            _combine[(b * h * t,)](
                *(lengths, tops, totals, sums, out, t, h, c, m, work.spans, work.least),
                **about,
                MOST=MOST,
                P=COMBINED,
                num_warps=WARPS,
            )
    return out


def _padded(width: int) -> int:
    return max(FEWEST, triton.next_power_of_2(width))


def _widest(q: Float[Tensor, "b h t k"], values: Float[Tensor, "n g w c"]) -> int:
    return max(_padded(q.shape[-1]), _padded(values.shape[-1]))


# In both kernels r, s and p are numbers of queries (those of one key-value head, its query heads in
# order, each with t new tokens), of a row's tokens and of its spans; d and c are columns of keys
# and of values. Scores are logarithms of base 2.


@kernel
def _spread(
    lengths_at, row, blocks, t, spans, least, W: constexpr, WINDOW: constexpr, N: constexpr
):
    """The first token that any query of the row sees, their end, and how many a span has."""
    end = tl.minimum(tl.load(lengths_at + row).to(tl.int32), blocks * W)
    first = end * 0
    if WINDOW:
        first = tl.maximum(end - t - WINDOW + 1, 0)
    return first, end, tl.maximum(tl.cdiv(tl.cdiv(end - first, spans), N) * N, least)


@kernel
def _attend(
    q_at,
    keys_at,
    values_at,
    tables_at,
    lengths_at,
    tops_at,
    totals_at,
    sums_at,
    out_at,
    t,
    heads,
    group,
    key_width,
    value_width,
    blocks,
    least,
    scale,
    of_row,
    of_head,
    of_query,
    W: constexpr,
    WINDOW: constexpr,
    N: constexpr,
    C: constexpr,
    K: constexpr,
    R: constexpr,
    PRECISION: constexpr,
):
    head, tile = tl.program_id(0) % heads, tl.program_id(0) // heads
    row, span, spans = tl.program_id(1).to(tl.int64), tl.program_id(2), tl.num_programs(2)
    first, end, length = _spread(lengths_at, row, blocks, t, spans, least, W, WINDOW, N)
    begin = first + span * length
    if begin >= end:
        return
    stop = tl.minimum(begin + length, end)

    r = tile * R + tl.arange(0, R)
    d, c = tl.arange(0, K), tl.arange(0, C)
    in_r, in_d, in_c = r < group * t, d < key_width, c < value_width
    q_r = row * of_row + (head * group + r // t).to(tl.int64) * of_head + r % t * of_query
    q = tl.load(q_at + q_r[:, None] + d[None, :], mask=in_r[:, None] & in_d[None, :], other=0.0)
    position = end - t + r % t
    top = tl.full((R,), -float("inf"), dtype=tl.float32)
    total = tl.zeros((R,), dtype=tl.float32)
    sums = tl.zeros((R, C), dtype=tl.float32)
    for start in range(begin, stop, N):
        s = start + tl.arange(0, N)
        in_s = s < stop
        block = tl.load(tables_at + row * blocks + s // W, mask=in_s, other=0).to(tl.int64)
        place = (block * heads + head) * W + s % W
        key_sd = tl.load(
            keys_at + place[:, None] * key_width + d[None, :],
            mask=in_s[:, None] & in_d[None, :],
            other=0.0,
        )
        value_sc = tl.load(
            values_at + place[:, None] * value_width + c[None, :],
            mask=in_s[:, None] & in_c[None, :],
            other=0.0,
        )
        scores = tl.dot(q, tl.trans(key_sd), input_precision=PRECISION)
        seen = in_s[None, :] & (s[None, :] <= position[:, None])
        if WINDOW:
            seen = seen & (s[None, :] > position[:, None] - WINDOW)
        scores = tl.where(seen, scores * scale, -float("inf"))
        higher = tl.maximum(top, tl.max(scores, 1))
        base = tl.where(higher == -float("inf"), 0.0, higher)  # of a query that saw nothing yet
        weights, kept = tl.exp2(scores - base[:, None]), tl.exp2(top - base)
        total = total * kept + tl.sum(weights, 1)
        weights = weights.to(value_sc.dtype)
        sums = tl.dot(weights, value_sc, sums * kept[:, None], input_precision=PRECISION)
        top = higher

    at = (row * heads + head) * group * t + r
    in_rc = in_r[:, None] & in_c[None, :]
    if spans == 1:
        out_rc = sums / tl.where(in_r, total, 1.0)[:, None]
        tl.store(out_at + at[:, None] * value_width + c[None, :], out_rc, mask=in_rc)
    else:
        at = at * spans + span
        tl.store(tops_at + at, top, mask=in_r)
        tl.store(totals_at + at, total, mask=in_r)
        tl.store(sums_at + at[:, None] * value_width + c[None, :], sums, mask=in_rc)


@kernel
def _combine(
    lengths_at,
    tops_at,
    totals_at,
    sums_at,
    out_at,
    t,
    heads,
    value_width,
    blocks,
    spans,
    least,
    W: constexpr,
    WINDOW: constexpr,
    N: constexpr,
    C: constexpr,
    MOST: constexpr,
    P: constexpr,
):
    query = tl.program_id(0).to(tl.int64)
    row = query // (heads * t)
    first, end, length = _spread(lengths_at, row, blocks, t, spans, least, W, WINDOW, N)
    used = tl.cdiv(end - first, length)
    every, c = tl.arange(0, MOST), tl.arange(0, C)
    tops = tl.load(tops_at + query * spans + every, mask=every < used, other=-float("inf"))
    totals = tl.load(totals_at + query * spans + every, mask=every < used, other=0.0)
    top = tl.max(tops, 0)
    total = tl.sum(totals * tl.exp2(tops - top), 0)
    sums = tl.zeros((C,), dtype=tl.float32)
    for start in range(0, used, P):
        p = start + tl.arange(0, P)
        in_p, at = p < used, query * spans + p
        weights = tl.exp2(tl.load(tops_at + at, mask=in_p, other=-float("inf")) - top)
        sums_pc = tl.load(
            sums_at + at[:, None] * value_width + c[None, :],
            mask=in_p[:, None] & (c < value_width)[None, :],
            other=0.0,
        )
        sums += tl.sum(weights[:, None] * sums_pc, 0)
    tl.store(out_at + query * value_width + c, sums / total, mask=c < value_width)
