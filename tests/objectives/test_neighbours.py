"""Neighbours are those at their offsets, and what lies beyond the row is not asked for."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from practicum.data.gather import Gather
from practicum.errors import ConfigError
from practicum.kernels.cross_entropy import IGNORED
from practicum.models.build import build
from practicum.models.families.transformer import reader
from practicum.objectives.neighbours import Neighbours
from practicum.seeding import stream

ROW = np.array([4, 5, 6, 7])
NO_DRAWS = stream(0, "none")


def test_what_is_wanted_stands_at_the_offsets():
    batch = Neighbours(offsets=(-2, 1), symbols=8).prepare([ROW], NO_DRAWS)
    x = IGNORED
    assert batch.wanted.tolist() == [[[x, 5], [x, 6], [4, 7], [5, x]]]
    assert (batch.count, batch.tokens) == (5, 4)


def test_the_loss_is_that_of_a_readout_for_each_offset():
    objective = Neighbours(offsets=Gather(reach=2).offsets, symbols=16)
    description = reader(
        width=16, depth=1, heads=2, vocab=16, context=24, outputs=objective.outputs
    )
    model = build(description, seed=1)
    batch = objective.prepare(Gather().draw(3, np.random.default_rng(0)), NO_DRAWS)
    loss = objective.loss(model, batch)
    total = torch.zeros(())
    for number, offset in enumerate(objective.offsets):
        scores = model(batch.symbols)[..., 16 * number : 16 * (number + 1)]
        here = torch.arange(max(0, -offset), 24 - max(0, offset))
        total = total + F.cross_entropy(
            scores[:, here].flatten(0, 1),
            batch.symbols[:, here + offset].flatten(),
            reduction="sum",
        )
    torch.testing.assert_close(loss.total, total)
    assert loss.count == 3 * (2 * 22 + 2 * 23)


class Knows(nn.Module):
    """Names the neighbour to the left rightly, of the others nothing."""

    def forward(self, ids: Tensor) -> Tensor:
        left = F.one_hot(ids.roll(1, dims=1), 8).float()
        return torch.cat([left, torch.zeros(*ids.shape, 8)], dim=-1)


def test_accuracy_is_counted_for_each_offset_by_itself():
    objective = Neighbours(offsets=(-1, 1), symbols=8)
    batch = objective.prepare([ROW, ROW + 0], NO_DRAWS)
    assert objective.accuracy(Knows(), batch).tolist() == [1.0, 0.0]  # no row has a 0
    assert objective.loss(Knows(), batch).mean < math.log(8)


def test_no_offsets_are_refused():
    with pytest.raises(ConfigError, match="an offset or more"):
        Neighbours(offsets=(), symbols=8)
