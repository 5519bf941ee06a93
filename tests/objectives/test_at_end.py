"""Answers at the end of rows: what is scored, and how many are right."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from practicum.data.answered import Answered
from practicum.errors import DataError
from practicum.models.build import build
from practicum.models.families.mamba import mamba
from practicum.objectives.at_end import AtEnd, answered, share_right

MODEL = build(mamba(width=8, depth=1, vocab=7, context=9), seed=1)


def rows(count: int, length: int = 6) -> list[Answered]:
    rng = np.random.default_rng(0)
    return [Answered(rng.integers(7, size=length), rng.integers(7, size=2)) for _ in range(count)]


def test_only_the_last_places_are_scored():
    batch = AtEnd().prepare(rows(3), torch.Generator())
    loss = AtEnd().loss(MODEL, batch)
    expected = F.cross_entropy(MODEL(batch.ids)[:, -2:].transpose(1, 2), batch.answers)
    torch.testing.assert_close(loss.total / loss.count, expected)
    assert (loss.count, batch.tokens) == (6, 18)


def test_the_share_of_right_answers_is_counted_over_all_rows():
    likeliest = MODEL(answered(rows(5)).ids)[:, -2:].argmax(-1)
    told = [Answered(row.ids, best.numpy()) for row, best in zip(rows(5), likeliest, strict=True)]
    assert share_right(MODEL, told, batch=2) == 1.0
    told[3] = Answered(told[3].ids, (told[3].answers + 1) % 7)
    assert share_right(MODEL, told, batch=2) == 0.8


def test_rows_of_several_lengths_are_refused():
    with pytest.raises(DataError, match="expected one"):
        answered([*rows(1, 6), *rows(1, 7)])
