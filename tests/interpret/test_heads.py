"""Scores are 1 for the head they are named after; what the heads add is what attention adds."""

import math

import pytest
import torch

from practicum.interpret.heads import (
    JOBS,
    distances,
    entropy,
    head_deltas,
    head_scores,
    key_head,
    score,
)
from practicum.interpret.trace import trace
from practicum.models.build import build
from practicum.models.families.gpt2 import gpt2
from practicum.models.families.llama import llama
from practicum.seeding import stream

BLOCK = torch.tensor([[5, 9, 2, 7, 30, 11]])
TWICE = torch.cat([BLOCK, BLOCK], dim=1)


@pytest.mark.parametrize("job", JOBS)
def test_a_head_that_does_its_job_scores_one_and_others_less(job):
    places = JOBS[job](TWICE)
    ideal = places.float()
    idle = ~places.any(-1)
    ideal[idle] = torch.eye(12)[None][idle]
    ideal = ideal / ideal.sum(-1, keepdim=True)
    uniform = torch.ones(12, 12).tril() / torch.arange(1, 13)[:, None]
    both = torch.stack([ideal[0], uniform])[None]
    scores = score(both, places)
    assert scores[0] == 1
    assert scores[1] < 0.5


def test_where_each_head_would_look_on_a_block_read_twice():
    asked = torch.arange(6, 12)
    assert torch.all(JOBS["induction"](TWICE)[0, asked, asked - 5])
    assert torch.all(JOBS["duplicate"](TWICE)[0, asked, asked - 6])
    assert JOBS["induction"](TWICE).sum() == JOBS["duplicate"](TWICE).sum() == 6
    assert not JOBS["duplicate"](BLOCK).any()
    assert score(torch.eye(6)[None, None], JOBS["duplicate"](BLOCK)) == 0


def test_uniform_rows_have_the_entropy_of_their_length_and_spread_over_distances():
    uniform = torch.ones(1, 1, 4, 4).tril() / torch.arange(1, 5)[:, None]
    torch.testing.assert_close(entropy(uniform)[0, 0], torch.arange(1.0, 5).log())
    torch.testing.assert_close(distances(torch.eye(4)[None, None])[0], torch.eye(4)[0])
    torch.testing.assert_close(distances(uniform).sum(), torch.tensor(1.0))
    assert entropy(torch.tensor([[0.0, 1.0]])) == 0
    assert math.isclose(float(distances(uniform)[0, 3]), 0.25 / 4)


@pytest.mark.parametrize(
    "description",
    [
        gpt2(width=32, depth=2, heads=4, vocab=50, context=24),
        llama(width=32, depth=2, heads=4, kv_heads=2, hidden=48, vocab=50, context=24),
    ],
    ids=["gpt2", "llama"],
)
def test_what_heads_add_sums_to_what_attention_adds(description):
    model = build(description, seed=1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.2 * torch.randn(parameter.shape, generator=stream(2, "noise"))
    seen = trace(model, TWICE)
    for layer, block in enumerate(model.stack.blocks):
        total = head_deltas(block.mixer, seen.at("mixed", layer)).sum(1)
        bias = block.mixer.out.bias
        torch.testing.assert_close(
            total + (0 if bias is None else bias), seen.at("attention", layer), rtol=1e-5, atol=1e-5
        )
    shapes = {name: tuple(table.shape) for name, table in head_scores(seen).items()}
    assert shapes == dict.fromkeys(JOBS, (2, 4))
    mixer = model.stack.blocks[0].mixer
    assert [key_head(mixer, head) for head in (0, 3)] == [0, mixer.kv_heads - 1]
