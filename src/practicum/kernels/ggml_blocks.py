"""Weights stored by ggml in small blocks of a few bits, turned into float32.

A row of a matrix is cut into blocks of 32 weights (256 for the "K" formats). A block holds small
integers q and one or two scales in half precision, and stands for  w = d·q  or  w = d·q + m.
The K formats cut a block again into groups of 16 or 32 weights whose scale and minimum are
themselves small integers:  w = (d·s)·q − (dₘ·m).

Layouts are those of the ggml library, where a quantised byte holds two weights that are half a
group apart: low nibble first. Products and sums are rounded one after the other as written, never
fused, so that results are bit for bit those of the reference decoder. Quantising, the i-quants and
the ternary formats are not here.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

# Blocks are decoded in runs of about this many weights: what a run writes stays in the cache until
# its last operation has passed over it, and no operation is large enough for torch to split it over
# threads, whose thousands of meetings cost twenty times the work where cores are shared.
_RUN = 1 << 15


@dataclass(frozen=True, kw_only=True)
class BlockFormat:
    """`weights` numbers stored in `bytes` bytes; `decode(blocks, out)` reads blocks of them."""

    weights: int
    bytes: int
    decode: Callable[[Tensor, Tensor], None]


def decode_blocks(
    stored: UInt8[Tensor, " c"], form: BlockFormat, out: Float[Tensor, " n"] | None = None
) -> Float[Tensor, " n"]:
    """The float32 weights in `stored`, a whole number of blocks of `form`, in stored order.

    They are written to `out` where it is given: contiguous, float32, of their number.
    """
    blocks = stored.view(-1, form.bytes)
    if out is None:
        count = len(blocks) * form.weights
        out = torch.empty(count, dtype=torch.float32, device=stored.device)
    places = out.view(-1, form.weights)
    assert len(places) == len(blocks), f"{len(blocks)} blocks, space for {len(places)}"
    run = max(1, _RUN // form.weights)
    for start in range(0, len(blocks), run):
        form.decode(blocks[start : start + run], places[start : start + run])
    return out


def _half(blocks: Tensor, start: int) -> Tensor:
    """The half-precision number at byte `start` of every block, as a float32 column."""
    return blocks[:, start : start + 2].contiguous().view(torch.float16).float()


def _nibbles(packed: Tensor, out: Tensor) -> None:
    """Low nibbles of `packed` to the first half of `out`'s last axis, high ones to the second."""
    half = packed.shape[-1]
    out[..., :half].copy_(packed & 15)
    out[..., half:].copy_(packed >> 4)


def _bits(packed: Tensor) -> Tensor:
    """The 32 bits of each four bytes, lowest first, as numbers 0 and 1: (n, 4) → (n, 32)."""
    shifts = torch.arange(8, dtype=torch.uint8, device=packed.device)
    return ((packed.unsqueeze(-1) >> shifts) & 1).flatten(1)


def _f32(blocks: Tensor, out: Tensor) -> None:
    out.copy_(blocks.contiguous().view(torch.float32))


def _f16(blocks: Tensor, out: Tensor) -> None:
    out.copy_(blocks.contiguous().view(torch.float16))


def _bf16(blocks: Tensor, out: Tensor) -> None:
    out.copy_(blocks.contiguous().view(torch.bfloat16))


def _q8_0(blocks: Tensor, out: Tensor) -> None:
    """d (half) · 32 signed bytes: w = q·d."""
    out.copy_(blocks[:, 2:].view(torch.int8)).mul_(_half(blocks, 0))


def _q4_0(blocks: Tensor, out: Tensor) -> None:
    """d · 16 bytes of nibbles: w = d·(q − 8)."""
    _nibbles(blocks[:, 2:], out)
    out.sub_(8).mul_(_half(blocks, 0))


def _q4_1(blocks: Tensor, out: Tensor) -> None:
    """d · m · 16 bytes of nibbles: w = d·q + m."""
    _nibbles(blocks[:, 4:], out)
    out.mul_(_half(blocks, 0)).add_(_half(blocks, 2))


def _q5_0(blocks: Tensor, out: Tensor) -> None:
    """d · 4 bytes of fifth bits · 16 bytes of nibbles: w = d·(q − 16)."""
    _nibbles(blocks[:, 6:], out)
    out.add_(_bits(blocks[:, 2:6]) << 4).sub_(16).mul_(_half(blocks, 0))


def _q5_1(blocks: Tensor, out: Tensor) -> None:
    """d · m · 4 bytes of fifth bits · 16 bytes of nibbles: w = d·q + m."""
    _nibbles(blocks[:, 8:], out)
    out.add_(_bits(blocks[:, 4:8]) << 4)
    out.mul_(_half(blocks, 0)).add_(_half(blocks, 2))


def _group_scales(packed: Tensor) -> tuple[Tensor, Tensor]:
    """Eight 6-bit scales and eight 6-bit minima from 12 bytes, as float32 (n, 8).

    Bytes 0–3 hold scales 0–3 and bytes 4–7 minima 0–3 in their low six bits; the low nibbles of
    bytes 8–11 are the low bits of scales 4–7, the high nibbles those of minima 4–7, whose upper two
    bits are the spare ones of bytes 0–3 and 4–7.
    """
    first, second, third = packed[:, 0:4], packed[:, 4:8], packed[:, 8:12]
    scales = torch.cat([first & 63, (third & 15) | ((first >> 2) & 48)], dim=1)
    minima = torch.cat([second & 63, (third >> 4) | ((second >> 2) & 48)], dim=1)
    return scales.float(), minima.float()


def _scale_groups(blocks: Tensor, groups: Tensor) -> None:
    """groups ← (d·s)·groups − dₘ·m, with d, dₘ and the packed s, m in the first 16 bytes."""
    scales, minima = _group_scales(blocks[:, 4:16])
    groups.mul_((_half(blocks, 0) * scales).unsqueeze(-1))
    groups.sub_((_half(blocks, 2) * minima).unsqueeze(-1))


def _pairs(packed: Tensor, out: Tensor) -> None:
    """64 bytes of bit pairs: weight 128·h + 32·j + i is the j-th pair of byte 32·h + i."""
    places, halves = out.view(-1, 2, 4, 32), packed.unflatten(1, (2, 32))
    for pair in range(4):
        places[:, :, pair].copy_((halves >> (2 * pair)) & 3)


def _q2_k(blocks: Tensor, out: Tensor) -> None:
    """16 bytes, a nibble of scale and one of minimum each · 64 bytes of bit pairs · d · dₘ."""
    _pairs(blocks[:, 16:80], out)
    groups, packed = out.view(-1, 16, 16), blocks[:, :16]
    groups.mul_(((packed & 15).float() * _half(blocks, 80)).unsqueeze(-1))
    groups.sub_(((packed >> 4).float() * _half(blocks, 82)).unsqueeze(-1))


def _q3_k(blocks: Tensor, out: Tensor) -> None:
    """32 bytes of third bits · 64 bytes of bit pairs · 12 bytes of scales · d: w = d·s·(q − 4).

    Bit g of byte j is the third of weight 32·g + j. The 16 scales are s + 32: their low nibbles
    fill 8 bytes, first those of scales 0–7, and bit pair j of the last 4 bytes is scale 4·j + i's.
    """
    _pairs(blocks[:, 32:96], out)
    eighths = out.view(-1, 8, 32)
    for eighth in range(8):
        eighths[:, eighth].add_(((blocks[:, :32] >> eighth) & 1) << 2)
    low, high = blocks[:, 96:104], blocks[:, 104:108]
    nibbles = torch.cat([low & 15, low >> 4], dim=1)
    upper = torch.cat([(high >> (2 * pair)) & 3 for pair in range(4)], dim=1)
    scales = (nibbles | (upper << 4)).float() - 32
    out.sub_(4)
    out.view(-1, 16, 16).mul_((scales * _half(blocks, 108)).unsqueeze(-1))


def _q4_k(blocks: Tensor, out: Tensor) -> None:
    """d · dₘ · 12 bytes of scales · 4 × 32 bytes of nibbles, each two groups of 32."""
    _nibbles(blocks[:, 16:].unflatten(1, (4, 32)), out.view(-1, 4, 64))
    _scale_groups(blocks, out.view(-1, 8, 32))


def _q5_k(blocks: Tensor, out: Tensor) -> None:
    """As q4_k with 32 bytes of fifth bits before the nibbles: bit g of byte j is group g's."""
    _nibbles(blocks[:, 48:].unflatten(1, (4, 32)), out.view(-1, 4, 64))
    groups = out.view(-1, 8, 32)
    for group in range(8):
        groups[:, group].add_(((blocks[:, 16:48] >> group) & 1) << 4)
    _scale_groups(blocks, groups)


def _q6_k(blocks: Tensor, out: Tensor) -> None:
    """2 × 64 bytes of nibbles · 2 × 32 bytes of upper bit pairs · 16 signed scales · d.

    Weight 32·j + i of each half of the block has the nibble j // 2 of byte 32·(j mod 2) + i and the
    j-th bit pair of byte i;  w = (d·s)·(q − 32), one s for 16 weights.
    """
    halves = out.view(-1, 2, 128)
    _nibbles(blocks[:, :128].unflatten(1, (2, 64)), halves)
    upper = blocks[:, 128:192].unflatten(1, (2, 32))
    for pair in range(4):
        place = halves[..., 32 * pair : 32 * pair + 32]
        place.add_(((upper >> (2 * pair)) & 3) << 4)
    scales = blocks[:, 192:208].view(torch.int8).float() * _half(blocks, 208)
    out.sub_(32)
    out.view(-1, 16, 16).mul_(scales.unsqueeze(-1))


FORMATS: dict[str, BlockFormat] = {
    "F32": BlockFormat(weights=1, bytes=4, decode=_f32),
    "F16": BlockFormat(weights=1, bytes=2, decode=_f16),
    "BF16": BlockFormat(weights=1, bytes=2, decode=_bf16),
    "Q8_0": BlockFormat(weights=32, bytes=34, decode=_q8_0),
    "Q4_0": BlockFormat(weights=32, bytes=18, decode=_q4_0),
    "Q4_1": BlockFormat(weights=32, bytes=20, decode=_q4_1),
    "Q5_0": BlockFormat(weights=32, bytes=22, decode=_q5_0),
    "Q5_1": BlockFormat(weights=32, bytes=24, decode=_q5_1),
    "Q2_K": BlockFormat(weights=256, bytes=84, decode=_q2_k),
    "Q3_K": BlockFormat(weights=256, bytes=110, decode=_q3_k),
    "Q4_K": BlockFormat(weights=256, bytes=144, decode=_q4_k),
    "Q5_K": BlockFormat(weights=256, bytes=176, decode=_q5_k),
    "Q6_K": BlockFormat(weights=256, bytes=210, decode=_q6_k),
}
