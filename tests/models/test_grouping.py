"""Key-value heads become fewer by their means."""

from dataclasses import replace

import pytest
import torch
from einops import rearrange, repeat

from practicum.errors import ModelError
from practicum.models.build import build
from practicum.models.families.gpt2 import gpt2
from practicum.models.families.llama import llama
from practicum.models.families.mamba import mamba
from practicum.models.grouping import group, grouped
from practicum.seeding import stream

LLAMA = llama(width=24, depth=2, heads=6, hidden=20, vocab=30, context=20)
GPT2 = gpt2(width=24, depth=2, heads=6, vocab=30, context=20)  # with biases
IDS = torch.randint(30, (2, 9), generator=stream(0, "ids"))
TOUCHED = ("k", "v")


def repeated(description, kv_heads):
    """A network whose `kv_heads` different key-value heads each stand there several times."""
    model = build(description, seed=0)
    times = description.stack.pattern[0].attention.heads // kv_heads
    with torch.no_grad():
        for block in model.stack.blocks:
            qkv = block.attention.qkv
            biases = (
                [] if qkv.bias is None else [qkv.bias.normal_(generator=stream(0, "b"))[:, None]]
            )
            for tensor in (qkv.weight, *biases):
                for part in TOUCHED:
                    heads = rearrange(tensor[qkv.rows(part)], "(h k) d -> h k d", k=4)[:kv_heads]
                    tensor[qkv.rows(part)] = repeat(heads, "g k d -> (g r k) d", r=times)
    return model


@pytest.mark.parametrize("description", [LLAMA, GPT2], ids=["llama", "gpt2"])
@pytest.mark.parametrize("kv_heads", [1, 2, 3, 6])
def test_heads_that_were_alike_become_one_and_the_function_stays(description, kv_heads):
    model = repeated(description, kv_heads)
    made = group(model, kv_heads)
    assert made.description == grouped(description, kv_heads)
    assert made.description.stack.pattern[0].attention.kv_heads == kv_heads
    torch.testing.assert_close(made(IDS), model(IDS), rtol=1e-5, atol=1e-6)


def test_a_group_is_the_mean_of_its_heads_and_queries_stay():
    model = build(LLAMA, seed=0)
    made = group(model, 2)
    for new, old in zip(made.stack.blocks, model.stack.blocks, strict=True):
        new, old = new.attention.qkv, old.attention.qkv
        assert torch.equal(new.weight[new.rows("q")], old.weight[old.rows("q")])
        for part in TOUCHED:
            heads = old.weight[old.rows(part)].view(6, 4, 24)
            wanted = torch.stack([sum(heads[0:3]) / 3, sum(heads[3:6]) / 3]).view(8, 24)
            torch.testing.assert_close(new.weight[new.rows(part)], wanted)


def test_grouped_heads_can_be_grouped_further():
    model = build(LLAMA, seed=0)
    torch.testing.assert_close(group(group(model, 3), 1)(IDS), group(model, 1)(IDS))


def test_patterns_of_blocks_stay_patterns():
    block = LLAMA.stack.pattern[0]
    local = replace(block, mixer=replace(block.attention, window=4))
    mixed = replace(LLAMA, stack=replace(LLAMA.stack, block=(local, block)))
    assert [b.attention.window for b in grouped(mixed, 2).stack.pattern] == [4, None]


@pytest.mark.parametrize("kv_heads", [0, 4, 12])
def test_heads_that_do_not_pool_evenly_are_refused(kv_heads):
    with pytest.raises(ModelError, match="6 key-value heads cannot be pooled"):
        grouped(LLAMA, kv_heads)


def test_other_mixers_are_refused():
    with pytest.raises(ModelError, match="expected Attention"):
        grouped(mamba(width=16, depth=1, vocab=9, context=8), 1)
