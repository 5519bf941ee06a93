"""The held-out loss is a mean over targets, however the text is cut into batches."""

import pytest
import torch

from practicum.data.length_buckets import Buckets, in_buckets
from practicum.data.parallel import TokenPair
from practicum.models.build import build
from practicum.models.families.transformer import transformer
from practicum.objectives.translation import Translation
from practicum.training.held_out import held_out_loss, loss_over

PAIRS = [TokenPair(tuple(range(3, 4 + n)), tuple(range(5, 6 + 2 * n))) for n in range(6)]


def test_batches_by_length_give_the_loss_of_any_batches():
    model = build(transformer(width=16, depth=1, heads=2, vocab=20, context=16), seed=0)
    objective = Translation(begin=1, end=2)
    by_length = in_buckets(PAIRS, Buckets(rows=None, tokens=20))
    assert len(by_length) > 2
    with torch.no_grad():
        values = [
            loss_over(objective, lambda: by_length)(model),
            held_out_loss(objective, PAIRS, batch=6)(model),
            held_out_loss(objective, PAIRS, batch=1)(model),
        ]
    assert values == pytest.approx([values[0]] * 3, rel=1e-5)
