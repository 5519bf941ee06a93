"""A packed block gives what its parts give one after the other."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from torch import nn

from practicum.errors import ModelError
from practicum.kernels import native
from practicum.kernels.packed_matrix import plain
from practicum.nn.attention import Attention
from practicum.nn.cache import KeyValueCache
from practicum.nn.linear import LinearLayer
from practicum.nn.mlp import MLP
from practicum.nn.norms import LayerNorm, RMSNorm
from practicum.nn.packed_block import PackedBlockLayer, usual
from practicum.nn.packed_linear import PackedLinearLayer
from practicum.nn.paged import PagedCache, Paging, empty_pool
from practicum.nn.positions import Rope
from practicum.nn.stack import Block, BlockLayer, Stack
from practicum.seeding import stream

WIDTH, TIMES = 48, 6
MIXER = Attention(heads=6, kv_heads=2, head_width=8, positions=Rope())
USUAL = Block(
    mixer=MIXER,
    ffn=MLP(hidden=80, activation="silu", gated=True),
    norm=RMSNorm(),
)
OTHERS = {
    "part of a head turned": replace(USUAL, mixer=replace(MIXER, positions=Rope(share=0.5))),
    "nothing turned": replace(USUAL, mixer=replace(MIXER, positions=None)),
    "values of another width": replace(USUAL, mixer=replace(MIXER, value_width=12)),
    "gains above one": replace(USUAL, norm=RMSNorm(plus_one=True)),
    "biases": replace(
        USUAL,
        mixer=replace(MIXER, bias=True),
        ffn=MLP(hidden=80, activation="silu", gated=True, bias=True),
    ),
}
UNUSUAL = {
    "layer norm": replace(USUAL, norm=LayerNorm()),
    "norms on both sides": replace(USUAL, norms="both"),
    "in parallel": replace(USUAL, parallel=True),
    "a window": replace(USUAL, mixer=replace(MIXER, window=4)),
    "normed queries": replace(USUAL, mixer=replace(MIXER, qk_norm=RMSNorm())),
    "capped scores": replace(USUAL, mixer=replace(MIXER, cap=5.0)),
    "another gate": replace(USUAL, ffn=MLP(hidden=80, gated=True)),
    "no gate": replace(USUAL, ffn=MLP(hidden=80, activation="silu")),
    "a scaled sum": replace(USUAL, residual=0.5),
}


def built(block: Block, *, pack: bool = True) -> BlockLayer:
    """The block with weights, its matrices packed in float32 and so without loss."""
    stack = Stack(width=WIDTH, depth=1, block=block).build()
    layer = stack.blocks[0]
    assert isinstance(layer, BlockLayer)
    for name, parameter in layer.named_parameters():
        nn.init.normal_(parameter, std=0.3, generator=stream(0, name))
    for owner in (layer.mixer, layer.ffn) if pack else ():
        for name, linear in list(owner.named_children()):
            if isinstance(linear, LinearLayer):
                matrix = plain(linear.weight, torch.float32)
                setattr(owner, name, PackedLinearLayer(matrix, linear.parts, linear.bias))
    return layer.eval()


def steps(layer: BlockLayer, state: KeyValueCache, x: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        return torch.cat([layer(x[:, i : i + 1], state) for i in range(x.shape[1])], dim=1)


def cache(layer: BlockLayer, lengths: Sequence[int] = (0, 0, 0)) -> KeyValueCache:
    state = layer.attention.new_state(len(lengths), 16)
    assert isinstance(state, KeyValueCache)
    if max(lengths):
        x = torch.randn(len(lengths), max(lengths), WIDTH, generator=stream(0, "past"))
        state.expect(lengths)
        with torch.inference_mode():
            layer(x, state)
    return state


@pytest.fixture
def x() -> torch.Tensor:
    return torch.randn(3, TIMES, WIDTH, generator=stream(0, "x"))


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("block", [USUAL, *OTHERS.values()], ids=["usual", *OTHERS])
@pytest.mark.parametrize("lengths", [(0, 0, 0), (2, 7, 4)], ids=["even", "uneven"])
def test_steps_are_those_of_the_block(
    block: Block, lengths: tuple[int, ...], compiled: bool, x: torch.Tensor
):
    layer = built(block)
    assert usual(layer)
    packed = PackedBlockLayer.of(layer)
    with native.using(native.built("native") if compiled else native.OFF):
        expected = steps(layer, cache(layer, lengths), x)
        state = cache(packed, lengths)
        ours = steps(packed, state, x)
    assert state.lengths == [n + TIMES for n in lengths]
    torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-4)


def test_blocks_of_a_pool_are_written_and_read(x: torch.Tensor):
    layer = PackedBlockLayer.of(built(USUAL))
    expected = steps(layer, cache(layer), x)
    pool = empty_pool(12, 2, 2, (8, 8), device="cpu", dtype=torch.float32)
    tables, ours = [[5, 1, 7], [2, 9, 3], [4, 6, 8]], []
    with torch.inference_mode():
        for i in range(TIMES):
            paging = Paging(tables, [i] * 3, 2, 1, torch.device("cpu"))
            ours.append(layer(x[:, i : i + 1], PagedCache(pool, paging)))
    torch.testing.assert_close(torch.cat(ours, dim=1), expected, rtol=1e-4, atol=1e-4)


def test_rows_that_wait_are_left_alone(x: torch.Tensor):
    layer = PackedBlockLayer.of(built(USUAL))
    state = cache(layer, (3, 3, 3))
    state.expect([1, 0, 1])
    steps(layer, state, x[:, :1])
    assert state.lengths == [4, 3, 4]


def test_a_full_cache_is_an_error_in_one_line(x: torch.Tensor):
    layer = PackedBlockLayer.of(built(USUAL))
    state = cache(layer, (16, 16, 16))
    with pytest.raises(ModelError, match="a cache of 16 tokens cannot take token 17"):
        steps(layer, state, x[:, :1])


def test_reading_at_once_and_training_go_the_way_of_the_block(x: torch.Tensor):
    layer = built(USUAL)
    packed = PackedBlockLayer.of(layer)
    torch.testing.assert_close(packed(x), layer(x))
    x.requires_grad_()
    assert packed(x).requires_grad


@pytest.mark.parametrize("block", UNUSUAL.values(), ids=UNUSUAL)
def test_blocks_of_another_kind_are_told_apart(block: Block):
    assert not usual(built(block))


def test_matrices_that_are_not_packed_are_told_apart():
    assert not usual(built(USUAL, pack=False))
