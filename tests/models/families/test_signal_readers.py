"""The readers that state spaces are measured against."""

import pytest
import torch

from practicum.config import from_json, to_json
from practicum.models.build import build
from practicum.models.families.signal_readers import attentive_reader, gated_reader
from practicum.models.sequence_classifier import SequenceClassifier
from practicum.seeding import stream

X = torch.randn(3, 12, 2, generator=stream(0, "x"))
READERS = {
    "gated": gated_reader(features=2, classes=5, width=6, depth=2),
    "attentive": attentive_reader(
        features=2, classes=5, width=8, depth=2, heads=2, hidden=9, context=12
    ),
}


@pytest.fixture(params=READERS.values(), ids=READERS.keys())
def reader(request: pytest.FixtureRequest) -> SequenceClassifier:
    return request.param


def test_every_parameter_is_learned_and_the_description_goes_to_json(reader):
    assert from_json(SequenceClassifier, to_json(reader)) == reader
    model = build(reader, seed=1)
    model(X).square().sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


def test_the_future_does_not_reach_the_past(reader):
    model, changed = build(reader, seed=1), X.clone()
    changed[:, 7:] += 1.0
    short = [model(x[:, :7]) for x in (X, changed)]
    torch.testing.assert_close(*short)
    assert (model(X) - model(changed)).abs().max() > 1e-3
