"""A head is described by its pattern and valued by what its loss costs."""

import math

import pytest
import torch
from torch.nn import functional as F

from practicum.data.parallel import TokenPair
from practicum.errors import DataError
from practicum.interpret.edits import without_heads
from practicum.interpret.head_report import language_heads, translation_heads
from practicum.interpret.trace import trace
from practicum.models.build import build
from practicum.models.families.gpt2 import gpt2
from practicum.models.families.transformer import transformer
from practicum.objectives.translation import Translation
from practicum.seeding import stream

PAIRS = [TokenPair((5, 6, 7, 8), (8, 9, 4)), TokenPair((5, 3, 9), (4, 4, 4, 4, 5))]
OBJECTIVE = Translation(begin=1, end=2)
MODEL = build(transformer(width=15, depth=1, heads=3, vocab=12, context=10), seed=1)


def test_every_head_of_a_language_model_has_a_line():
    model = build(gpt2(width=32, depth=2, heads=4, vocab=50, context=24, std=0.3), seed=1)
    ids = torch.randint(50, (3, 12), generator=stream(0, "ids"))
    lines = language_heads(model, ids, reach=4)
    assert [(line.layer, line.head) for line in lines] == [(n, h) for n in (0, 1) for h in range(4)]
    for line in lines:
        assert line.part == "decoder"
        assert 0 <= line.entropy <= math.log(12)
        assert -4 <= line.offset <= 0
        assert 0 < line.share <= 1
    logits = [
        trace(model, ids, edits=edits).logits[:, :-1].flatten(0, 1)
        for edits in ((), (without_heads(1, 2),))
    ]
    whole, pruned = (float(F.cross_entropy(row, ids[:, 1:].flatten())) for row in logits)
    assert lines[6].worth == pytest.approx(pruned - whole, abs=1e-6)


def test_a_translators_heads_read_write_and_look():
    lines = translation_heads(MODEL, PAIRS, OBJECTIVE, reach=2)
    assert [line.part for line in lines] == ["encoder"] * 3 + ["decoder"] * 3 + ["cross"] * 3
    assert all(line.offset <= 0 for line in lines if line.part == "decoder")
    assert all(line.worth != 0 for line in lines)


def test_the_pairs_of_a_report_may_be_of_any_length():
    both = translation_heads(MODEL, PAIRS, OBJECTIVE, reach=2)
    alone = [translation_heads(MODEL, [pair], OBJECTIVE, reach=2) for pair in PAIRS]
    for line, one, other in zip(both, *alone, strict=True):
        assert line.entropy == pytest.approx((one.entropy + other.entropy) / 2, abs=1e-6)
        assert line.worth == pytest.approx((4 * one.worth + 6 * other.worth) / 10, abs=1e-5)


def test_nothing_to_look_at_is_refused():
    with pytest.raises(DataError, match="no pairs"):
        translation_heads(MODEL, [], OBJECTIVE)
    model = build(gpt2(width=16, depth=1, heads=2, vocab=50, context=24), seed=1)
    with pytest.raises(DataError, match="one token"):
        language_heads(model, torch.zeros(1, 1, dtype=torch.long))
