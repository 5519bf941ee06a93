"""A matrix W (outputs, inputs) stored in few bits, in the order in which a product reads it.

Tiles of 16 outputs follow each other; within a tile the inputs do, and to each input belong 16
numbers, one per output: what is read together lies together. A `Plain` matrix holds float32 or
bfloat16. A `Grouped` one holds small integers q, and for each group of 32 inputs of an output

    8 bits:  w = d · (q − 128)        4 bits:  w = d · q + m

with d and m in float16. These are Q8_0 and Q4_1 of the ggml library, and Q4_0 as the 4 bits with
m = −8 d: matrices in these forms are kept without loss. Four inputs of an output share 32 bits;
with 4 bits the inputs 4j + i and 16 + 4j + i of a group share a byte. What fills up the last tile
and the last group is not looked at.
"""

from dataclasses import dataclass

import torch
from einops import rearrange
from jaxtyping import BFloat16, Float, Float16, Float32, Int, UInt8
from torch import Tensor
from torch.nn import functional as F

TILE, GROUP = 16, 32


@dataclass(frozen=True, kw_only=True, eq=False)
class Plain:
    """Numbers as they are: float32, or bfloat16 and half the bytes."""

    outputs: int
    inputs: int
    numbers: Float32[Tensor, "tiles inputs 16"] | BFloat16[Tensor, "tiles inputs 16"]

    @property
    def bits(self) -> int:
        """Of a stored number."""
        return 8 * self.numbers.element_size()

    @property
    def nbytes(self) -> int:
        return self.numbers.nbytes

    @property
    def device(self) -> torch.device:
        return self.numbers.device

    def decoded(self) -> Float32[Tensor, "outputs inputs"]:
        """W in float32."""
        rows = rearrange(self.numbers.float(), "tiles inputs r -> (tiles r) inputs")
        return rows[: self.outputs].contiguous()

    def rows(self, index: Int[Tensor, "*b"]) -> Float32[Tensor, "*b inputs"]:
        """Rows of W in float32."""
        return self.numbers[index // TILE, :, index % TILE].float()

    def moved(self, device: torch.device) -> "Plain":
        numbers = self.numbers.to(device)
        return Plain(outputs=self.outputs, inputs=self.inputs, numbers=numbers)


@dataclass(frozen=True, kw_only=True, eq=False)
class Grouped:
    """Small integers, and how to read them group by group. `minima` None: 8 bits."""

    outputs: int
    inputs: int
    codes: UInt8[Tensor, "tiles groups bytes"]
    scales: Float16[Tensor, "tiles groups 16"]
    minima: Float16[Tensor, "tiles groups 16"] | None

    @property
    def bits(self) -> int:
        """Of a code."""
        return 8 if self.minima is None else 4

    @property
    def nbytes(self) -> int:
        minima = 0 if self.minima is None else self.minima.nbytes
        return self.codes.nbytes + self.scales.nbytes + minima

    @property
    def device(self) -> torch.device:
        return self.codes.device

    def decoded(self) -> Float32[Tensor, "outputs inputs"]:
        """W in float32."""
        return self.rows(torch.arange(self.outputs, device=self.codes.device))

    def rows(self, index: Int[Tensor, "*b"]) -> Float32[Tensor, "*b inputs"]:
        """Rows of W in float32: products and sums rounded one after the other."""
        tile, place = index // TILE, index % TILE
        codes = self.codes.unflatten(-1, (-1, TILE, 4))[tile, :, :, place]
        scales = self.scales[tile, :, place].float()[..., None]
        if self.minima is None:
            weights = (codes.flatten(-2).float() - 128) * scales
        else:
            halves = torch.cat([codes & 15, codes >> 4], dim=-2)
            minima = self.minima[tile, :, place].float()[..., None]
            weights = halves.flatten(-2).float() * scales + minima
        return weights.flatten(-2)[..., : self.inputs]

    def moved(self, device: torch.device) -> "Grouped":
        return Grouped(
            outputs=self.outputs,
            inputs=self.inputs,
            codes=self.codes.to(device),
            scales=self.scales.to(device),
            minima=None if self.minima is None else self.minima.to(device),
        )


Packed = Plain | Grouped


def plain(weight: Float[Tensor, "outputs inputs"], dtype: torch.dtype) -> Plain:
    """`weight` in float32 or bfloat16."""
    outputs, inputs = weight.shape
    filled = F.pad(weight.detach().to(dtype), (0, 0, 0, -outputs % TILE))
    numbers = rearrange(filled, "(tiles r) inputs -> tiles inputs r", r=TILE).contiguous()
    return Plain(outputs=outputs, inputs=inputs, numbers=numbers)


def octets(
    codes: UInt8[Tensor, "outputs groups 32"],
    scales: Float16[Tensor, "outputs groups"],
    inputs: int,
) -> Grouped:
    """The matrix d · (q − 128) of `inputs` columns; what lies behind them is not looked at."""
    fours = rearrange(_filled(codes), "(tiles r) g (j i) -> tiles g (j r i)", r=TILE, i=4)
    return Grouped(
        outputs=len(codes),
        inputs=inputs,
        codes=fours.contiguous(),
        scales=_by_tile(scales),
        minima=None,
    )


def nibbles(
    codes: UInt8[Tensor, "outputs groups 32"],
    scales: Float16[Tensor, "outputs groups"],
    minima: Float16[Tensor, "outputs groups"],
    inputs: int,
) -> Grouped:
    """The matrix d · q + m, q ≤ 15, of `inputs` columns."""
    first, second = _filled(codes).split(GROUP // 2, dim=-1)
    both = rearrange(first | (second << 4), "(tiles r) g (j i) -> tiles g (j r i)", r=TILE, i=4)
    return Grouped(
        outputs=len(codes),
        inputs=inputs,
        codes=both.contiguous(),
        scales=_by_tile(scales),
        minima=_by_tile(minima),
    )


def _filled(codes: UInt8[Tensor, "outputs groups 32"]) -> UInt8[Tensor, "filled groups 32"]:
    return F.pad(codes, (0, 0, 0, 0, 0, -len(codes) % TILE))


def _by_tile(numbers: Float16[Tensor, "outputs groups"]) -> Float16[Tensor, "tiles groups 16"]:
    filled = F.pad(numbers, (0, 0, 0, -len(numbers) % TILE))
    return rearrange(filled, "(tiles r) groups -> tiles groups r", r=TILE).contiguous()
