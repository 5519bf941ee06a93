"""Blocks read in one call are their parts, read one after the other."""

import copy

import pytest
import torch

from practicum.kernels import native
from practicum.kernels.block_step import (
    Blocks,
    BlockWeights,
    Map,
    block_step,
    block_step_reference,
)
from practicum.kernels.packed_linear import Normed
from practicum.kernels.packed_matrix import Packed, plain
from practicum.kernels.quantise import to_nibbles, to_octets
from practicum.kernels.rotary import rotary_table, turns
from practicum.seeding import stream

WIDTH, HEADS, GROUPS, K, C, HIDDEN = 48, 6, 2, 16, 12, 80
LENGTHS = torch.tensor((1, 9, 20), dtype=torch.int32)
TABLES = torch.tensor([[7, 0, 0, 0, 0], [3, 9, 1, 0, 0], [2, 4, 5, 6, 8]], dtype=torch.int32)
STORED = {
    32: lambda weight: plain(weight, torch.float32),
    16: lambda weight: plain(weight, torch.bfloat16),
    8: to_octets,
    4: to_nibbles,
}


def normal(name: str, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=stream(0, name))


def pool(block: int) -> tuple[torch.Tensor, torch.Tensor]:
    return normal(f"k {block}", 10, GROUPS, 4, K), normal(f"v {block}", 10, GROUPS, 4, C)


def weights(bits: int, bias: bool) -> BlockWeights:
    def packed(name: str, outputs: int, inputs: int) -> Map:
        matrix: Packed = STORED[bits](normal(name, outputs, inputs) / inputs**0.5)
        return Map(matrix=matrix, bias=normal(f"{name} bias", outputs) if bias else None)

    return BlockWeights(
        mixer_norm=Normed(weight=normal("m", WIDTH), eps=1e-5),
        qkv=packed("qkv", HEADS * K + GROUPS * (K + C), WIDTH),
        out=packed("out", WIDTH, HEADS * C),
        ffn_norm=Normed(weight=normal("f", WIDTH), eps=1e-6, plus=1.0),
        up=packed("up", 2 * HIDDEN, WIDTH),
        down=packed("down", WIDTH, HIDDEN),
        heads=HEADS,
        scale=0.3,
    )


@pytest.mark.parametrize("instructions", ["native", "avx2", None])
@pytest.mark.parametrize("bits", STORED)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("turned", [True, False])
def test_blocks_are_their_parts(instructions: str | None, bits: int, bias: bool, turned: bool):
    blocks = Blocks([weights(bits, bias), weights(bits, not bias)])
    x = normal("x", 3, 1, WIDTH)
    table = rotary_table(32, 10.0 ** -torch.arange(8, dtype=torch.float64))
    by = turns((LENGTHS.long() - 1)[:, None], table) if turned else None
    ours, theirs = ([pool(i) for i in range(2)] for _ in range(2))
    library = native.OFF if instructions is None else native.built(instructions)
    with native.using(library):
        expected = block_step_reference(x, blocks, by, theirs, TABLES, LENGTHS)
        found = block_step(x, blocks, by, ours, TABLES, LENGTHS)
    assert torch.equal(found, expected)
    for mine, other in zip(ours, theirs, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(mine, other, strict=True))
    assert torch.equal(x, normal("x", 3, 1, WIDTH))


def test_addresses_are_not_copied():
    blocks = Blocks([weights(8, bias=True)])
    assert blocks.addresses is blocks.addresses
    assert copy.deepcopy(blocks) is None


def test_each_block_has_a_pool():
    blocks, x = Blocks([weights(8, bias=True)] * 2), normal("x", 3, 1, WIDTH)
    with pytest.raises(AssertionError, match="1 pools for 2 blocks"):
        block_step(x, blocks, None, [pool(0)], TABLES, LENGTHS)
