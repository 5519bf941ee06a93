"""A dense decoder becomes experts that at first compute what it computed."""

from dataclasses import replace

import pytest
import torch

from practicum.errors import ModelError
from practicum.models.build import build, parameters_of
from practicum.models.counts import active_parameters
from practicum.models.families import mixtral
from practicum.models.families.gpt2 import gpt2
from practicum.models.families.llama import llama
from practicum.models.upcycle import upcycle
from practicum.nn.experts import Experts
from practicum.seeding import stream

DENSE = llama(width=16, depth=2, heads=2, hidden=20, vocab=30, context=20)
IDS = torch.randint(30, (2, 9), generator=stream(0, "ids"))


def test_without_noise_nothing_changes():
    dense = build(DENSE, seed=0)
    made = upcycle(dense, experts=4, noise=0.0, seed=1)
    torch.testing.assert_close(made(IDS), dense(IDS))
    assert made.description.stack.blocks[0].ffn == Experts(count=4, top=2, hidden=20)


def test_noise_makes_experts_differ_and_gives_the_router_a_gradient():
    dense = build(DENSE, seed=0)
    slopes = []
    for noise in (0.0, 0.1):
        made = upcycle(dense, experts=4, noise=noise, seed=1)
        made(IDS).square().sum().backward()
        slopes.append(float(made.stack.blocks[0].ffn.router.weight.grad.norm()))
    assert slopes[1] > 1e-5
    assert slopes[0] < 1e-3 * slopes[1]
    up = made.stack.blocks[0].ffn.up.weight
    assert not torch.equal(up[0], up[1])


def test_what_experts_lack_is_refused():
    with pytest.raises(ModelError, match="bias"):
        upcycle(build(gpt2(width=16, depth=1, heads=2, vocab=30, context=20)), seed=0)


def test_mixtral_has_its_published_sizes():
    description, total = mixtral.SIZES["8x7B"]
    assert parameters_of(description) == total == 46_702_792_704
    assert active_parameters(description) == mixtral.ACTIVE["8x7B"] == 12_879_925_248
    assert replace(description, tied=True) != description
