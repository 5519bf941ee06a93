"""Classifiers of signals: readouts, padding, streaming, and the ways their systems start."""

from dataclasses import replace

import pytest
import torch

from practicum.config import from_json, to_json
from practicum.errors import ConfigError, ModelError
from practicum.models.build import build
from practicum.models.families.s4 import s4
from practicum.models.sequence_classifier import SequenceClassifier
from practicum.nn.gated_stack import GatedStack
from practicum.nn.initial import Normal, Rule
from practicum.nn.state_space import Diagonal, LowRank, StateSpace
from practicum.seeding import stream

MIXER = StateSpace(matrix=LowRank(length=20), state=4)
X = torch.randn(3, 12, 2, generator=stream(0, "x"))
REAL = torch.arange(12) < torch.tensor([12, 7, 1])[:, None]


def classifier(mixer: StateSpace = MIXER, **changes) -> SequenceClassifier:
    made = s4(features=2, classes=5, width=6, depth=2, mixer=mixer)
    return replace(made, **changes)


@pytest.mark.parametrize("both_ways", [False, True])
@pytest.mark.parametrize("readout", ["mean", "last"])
def test_padding_does_not_matter(readout, both_ways: bool):
    model = build(classifier(replace(MIXER, bidirectional=both_ways), readout=readout), seed=0)
    found = model(X, REAL)
    for row, length in enumerate((12, 7, 1)):
        alone = model(X[row : row + 1, :length])
        torch.testing.assert_close(found[row : row + 1], alone, rtol=1e-4, atol=1e-5)


def test_a_signal_is_followed_as_it_comes():
    model = build(classifier(readout="last"), seed=0)
    state = model.new_state(3, 12)
    said = torch.cat([model.stream(part, state) for part in X.split([1, 4, 7], dim=1)], dim=1)
    for end in (1, 6, 12):
        torch.testing.assert_close(said[:, end - 1], model(X[:, :end]), rtol=1e-4, atol=1e-5)
    with pytest.raises(ModelError, match="readout='last'"):
        build(classifier()).stream(X, state)


def test_gated_units_are_a_body_too():
    rules = (Rule(names="*", start=Normal(std=0.3)),)
    model = build(classifier(body=GatedStack(width=6, depth=2), initial=rules), seed=0)
    torch.testing.assert_close(model(X, REAL)[1:2], model(X[1:2, :7]))
    with pytest.raises(ModelError, match="whole signals"):
        model.new_state(1, 1)


@pytest.mark.parametrize("start", ["legs", "random", "inv", "lin", "real"])
def test_every_start_builds_and_goes_to_json(start):
    matrix = LowRank(length=20) if start in ("legs", "random") else Diagonal()
    mixer = StateSpace(matrix=matrix, state=4)
    made = s4(features=2, classes=5, width=6, depth=2, mixer=mixer, start=start)
    assert from_json(SequenceClassifier, to_json(made)) == made
    assert build(made, seed=1)(X).isfinite().all()


def test_what_does_not_go_together_is_refused():
    with pytest.raises(ConfigError, match="legs or random"):
        s4(features=1, classes=2, width=4, depth=1, mixer=MIXER, start="lin")
    with pytest.raises(ConfigError, match="go together"):
        classifier(context=5)
