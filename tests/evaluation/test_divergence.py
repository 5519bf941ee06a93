"""How far two models are apart."""

from dataclasses import replace

import pytest
import torch

from practicum.decoding.model import reading
from practicum.errors import DataError, ModelError
from practicum.evaluation.divergence import divergence
from practicum.models.build import build
from practicum.models.families.llama import llama

MODEL = llama(width=32, depth=1, heads=2, hidden=48, vocab=40, context=16)
TEXTS = ([3, 1, 4, 1, 5], [9, 2, 6])


def test_a_model_is_nothing_apart_from_itself():
    model = build(MODEL, seed=0)
    found = divergence(model, model, TEXTS)
    assert (found.tokens, found.kl, found.largest, found.same) == (8, 0.0, 0.0, 1.0)


def test_it_is_the_mean_of_kl_over_positions():
    one, other = build(MODEL, seed=0), build(MODEL, seed=1)
    found = divergence(one, other, TEXTS)
    kls, same = [], []
    for ids in TEXTS:
        with reading(one):
            logits = [model(torch.tensor([ids]))[0] for model in (one, other)]
        p, q = (x.softmax(-1) for x in logits)
        kls += (p * (p / q).log()).sum(-1).tolist()
        same += (p.argmax(-1) == q.argmax(-1)).tolist()
    assert found.kl == pytest.approx(sum(kls) / len(kls), rel=1e-4)
    assert found.largest == pytest.approx(max(kls), rel=1e-4)
    assert found.same == sum(same) / len(same)


def test_what_cannot_be_compared_is_refused():
    model = build(MODEL, seed=0)
    with pytest.raises(DataError, match="no token"):
        divergence(model, model, [])
    with pytest.raises(ModelError, match="longer than the context of 16"):
        divergence(model, model, [list(range(17))])
    with pytest.raises(ModelError, match="one vocabulary"):
        divergence(model, build(replace(MODEL, vocab=41), seed=0), TEXTS)
