"""A packed stack gives what its blocks give one after the other."""

import copy
from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from torch import nn

from practicum.kernels import native
from practicum.kernels.packed_matrix import plain
from practicum.nn.attention import Attention
from practicum.nn.linear import LinearLayer
from practicum.nn.mlp import MLP
from practicum.nn.norms import RMSNorm
from practicum.nn.packed_block import PackedBlockLayer, usual
from practicum.nn.packed_linear import PackedLinearLayer
from practicum.nn.packed_stack import PackedStackLayer
from practicum.nn.paged import PagedCache, Paging, empty_pool
from practicum.nn.positions import Rope
from practicum.nn.stack import Block, BlockLayer, Stack, StackLayer, StackState
from practicum.seeding import stream

WIDTH, DEPTH, TIMES = 48, 3, 5
MIXER = Attention(heads=6, kv_heads=2, head_width=8, positions=Rope())
USUAL = Block(mixer=MIXER, ffn=MLP(hidden=80, activation="silu", gated=True), norm=RMSNorm())


def pattern(**changes: object) -> tuple[Block, ...]:
    other = replace(USUAL, mixer=replace(MIXER, **changes))
    return (USUAL, other, USUAL)


STACKS: dict[str, tuple[Block, ...]] = {
    "alike": (USUAL,) * DEPTH,
    "one turns otherwise": pattern(positions=Rope(base=100.0)),
    "one has other keys": pattern(kv_heads=3),
    "one has a window": pattern(window=4),
}


def built(blocks: Sequence[Block]) -> StackLayer:
    """With weights, its matrices packed in float32 and so without loss."""
    stack = Stack(width=WIDTH, depth=DEPTH, block=tuple(blocks)).build()
    for name, parameter in stack.named_parameters():
        nn.init.normal_(parameter, std=0.3, generator=stream(0, name))
    for layer in stack.blocks:
        assert isinstance(layer, BlockLayer)
        for owner in (layer.mixer, layer.ffn):
            for name, linear in list(owner.named_children()):
                if isinstance(linear, LinearLayer):
                    matrix = plain(linear.weight, torch.float32)
                    setattr(owner, name, PackedLinearLayer(matrix, linear.parts, linear.bias))
    return stack.eval()


def packed(stack: StackLayer) -> PackedStackLayer:
    made = PackedStackLayer.of(copy.deepcopy(stack))
    for name, layer in made.blocks.named_children():
        assert isinstance(layer, BlockLayer)
        if usual(layer):
            made.blocks[int(name)] = PackedBlockLayer.of(layer)
    return made


def steps(stack: StackLayer, state: StackState, x: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        return torch.cat([stack(x[:, i : i + 1], state) for i in range(x.shape[1])], dim=1)


@pytest.fixture
def x() -> torch.Tensor:
    return torch.randn(2, TIMES, WIDTH, generator=stream(0, "x"))


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("blocks", STACKS.values(), ids=STACKS)
def test_steps_are_those_of_the_blocks(blocks: tuple[Block, ...], compiled: bool, x: torch.Tensor):
    stack = built(blocks)
    ours = packed(stack)
    with native.using(native.built("native") if compiled else native.OFF):
        expected = steps(stack, stack.new_state(2, 16), x)
        state = ours.new_state(2, 16)
        found = steps(ours, state, x)
    assert state.lengths == [TIMES] * 2
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("name", "calls"), [("alike", 1), ("one turns otherwise", DEPTH)])
def test_blocks_that_are_alike_are_one_call(
    name: str, calls: int, x: torch.Tensor, monkeypatch: pytest.MonkeyPatch
):
    stack, counted = packed(built(STACKS[name])), []
    for place in ("packed_stack", "packed_block"):
        module = __import__(f"practicum.nn.{place}", fromlist=["block_step"])
        step = module.block_step

        def counting(*given, step=step):
            counted.append(len(given[1]))
            return step(*given)

        monkeypatch.setattr(module, "block_step", counting)
    steps(stack, stack.new_state(2, 16), x[:, :1])
    assert counted == ([DEPTH] if calls == 1 else [1] * DEPTH)


def test_pools_are_written_and_read(x: torch.Tensor):
    stack = built(STACKS["alike"])
    expected = steps(stack, stack.new_state(2, 16), x)
    ours, tables, found = packed(stack), [[5, 1, 7], [2, 9, 3]], []
    pools = [empty_pool(12, 2, 2, (8, 8), device="cpu", dtype=torch.float32) for _ in range(DEPTH)]
    for i in range(TIMES):
        paging = Paging(tables, [i] * 2, 2, 1, torch.device("cpu"))
        state = StackState([PagedCache(pool, paging) for pool in pools])
        found.append(steps(ours, state, x[:, i : i + 1]))
    torch.testing.assert_close(torch.cat(found, dim=1), expected, rtol=1e-4, atol=1e-4)


def test_a_part_that_is_exchanged_counts_at_once(x: torch.Tensor):
    stack = packed(built(STACKS["alike"]))
    before = steps(stack, stack.new_state(2, 16), x)
    layer = stack.blocks[1]
    assert isinstance(layer, BlockLayer)
    out = layer.attention.out
    matrix = plain(torch.zeros(WIDTH, out.matrix.inputs), torch.float32)
    layer.attention.out = PackedLinearLayer(matrix, out.parts, out.bias)
    after = steps(stack, stack.new_state(2, 16), x)
    assert not torch.allclose(before, after)


def test_a_copy_has_weights_of_its_own(x: torch.Tensor):
    stack = packed(built(STACKS["alike"]))
    before = steps(stack, stack.new_state(2, 16), x)
    other = copy.deepcopy(stack)
    del stack
    assert torch.equal(steps(other, other.new_state(2, 16), x), before)


def test_whole_texts_and_training_go_the_way_of_the_blocks(x: torch.Tensor):
    stack = built(STACKS["alike"])
    ours = packed(stack)
    state, other = stack.new_state(2, 16), ours.new_state(2, 16)
    torch.testing.assert_close(ours(x, other), stack(x, state))
    x = x[:, :1].requires_grad_()
    assert ours(x, ours.new_state(2, 16)).requires_grad
