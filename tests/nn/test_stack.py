"""Where norms stand, what is added, and what blocks share."""

from dataclasses import replace

import pytest
import torch

from practicum.errors import ConfigError
from practicum.nn.attention import Attention
from practicum.nn.experts import Experts
from practicum.nn.initial import Normal, Rule, initialise
from practicum.nn.mlp import MLP
from practicum.nn.norms import LayerNorm, RMSNorm
from practicum.nn.relative import Buckets
from practicum.nn.stack import Block, Stack
from practicum.nn.state import Whole
from practicum.seeding import stream

BLOCK = Block(mixer=Attention(heads=2), ffn=MLP(hidden=10), norm=RMSNorm())


def built(block, depth=1):
    layer = Stack(width=8, depth=depth, block=block).build().double()
    initialise(layer, (Rule(names="*", start=Normal(std=0.4)),), seed=1)
    return layer.eval()


@pytest.fixture
def x():
    return torch.randn(2, 5, 8, generator=stream(0, "x"), dtype=torch.float64)


def read(layer, x):
    return layer.blocks[0](x, Whole())


def test_norms_before_each_part(x):
    block = (layer := built(BLOCK)).blocks[0]
    middle = x + block.mixer(block.mixer_norm(x))
    torch.testing.assert_close(read(layer, x), middle + block.ffn(block.ffn_norm(middle)))


def test_norms_after_each_sum(x):
    block = (layer := built(replace(BLOCK, norms="after"))).blocks[0]
    middle = block.mixer_norm(x + block.mixer(x))
    torch.testing.assert_close(read(layer, x), block.ffn_norm(middle + block.ffn(middle)))


def test_norms_on_both_sides(x):
    block = (layer := built(replace(BLOCK, norms="both"))).blocks[0]
    middle = x + block.mixer_norm_after(block.mixer(block.mixer_norm(x)))
    expected = middle + block.ffn_norm_after(block.ffn(block.ffn_norm(middle)))
    torch.testing.assert_close(read(layer, x), expected)


def test_parts_side_by_side_after_one_norm(x):
    block = (layer := built(replace(BLOCK, parallel=True))).blocks[0]
    normed = block.mixer_norm(x)
    torch.testing.assert_close(read(layer, x), x + block.mixer(normed) + block.ffn(normed))
    assert block.ffn_norm is None


def test_what_is_added_can_be_scaled(x):
    block = (layer := built(replace(BLOCK, residual=0.25))).blocks[0]
    middle = x + 0.25 * block.mixer(block.mixer_norm(x))
    expected = middle + 0.25 * block.ffn(block.ffn_norm(middle))
    torch.testing.assert_close(read(layer, x), expected)


def test_blocks_share_one_table_of_relative_positions():
    mixer = Attention(heads=2, relative=Buckets(count=8, far=20))
    shared = built(replace(BLOCK, mixer=mixer), depth=3)
    own = built(
        replace(BLOCK, mixer=replace(mixer, relative=Buckets(count=8, far=20, shared=False))), 3
    )
    count = [sum(p.numel() for p in layer.parameters()) for layer in (shared, own)]
    assert count[1] - count[0] == 2 * 8 * 2
    first, *others = (block.mixer.relative for block in shared.blocks)
    assert all(table is first for table in others)


def test_a_norm_may_have_no_weights():
    assert not list(LayerNorm(weight=False, bias=False).build(8).parameters())
    with pytest.raises(ConfigError, match="no weight"):
        LayerNorm(weight=False)


def test_gemmas_norm_is_one_more_than_its_weight(x):
    plain, more = RMSNorm().build(8).double(), RMSNorm(plus_one=True).build(8).double()
    torch.nn.init.normal_(plain.weight, generator=stream(0, "w"))
    more.weight.data = plain.weight.data - 1
    torch.testing.assert_close(plain(x), more(x))


def test_a_stack_reads_through_experts_in_steps(x):
    layer = built(replace(BLOCK, ffn=Experts(count=4, top=2, hidden=6)), depth=2)
    state = layer.new_state(2, 8)
    steps = [layer(part, state) for part in x.split(1, dim=1)]
    torch.testing.assert_close(torch.cat(steps, dim=1), layer(x, Whole()))


@pytest.mark.parametrize("change", [{"ffn": None}, {"norms": "after"}])
def test_a_parallel_block_needs_both_parts_after_one_norm(change):
    with pytest.raises(ConfigError, match="parallel"):
        replace(BLOCK, parallel=True, **change)
