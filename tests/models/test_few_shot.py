"""SNAIL names what it has seen once: its examples are its memory, and the last label is hidden."""

import pytest
import torch

from practicum.config import from_json, to_json
from practicum.data.alphabets import Alphabets
from practicum.data.drawn import Drawn, fresh
from practicum.errors import ConfigError
from practicum.evaluation.few_shot import share_named_after
from practicum.models.build import build
from practicum.models.few_shot import FewShot
from practicum.nn.snail import CausalLookup, Snail, TemporalConvolutions, few_shot
from practicum.objectives.few_shot import Naming
from practicum.seeding import stream
from practicum.training.budget import Budget
from practicum.training.loop import fit

SMALL = Snail(
    blocks=(
        CausalLookup(keys=16, values=16),
        TemporalConvolutions(length=3, filters=16),
        CausalLookup(keys=32, values=32),
    )
)
DESCRIPTION = FewShot(ways=2, shots=1, pixels=36, width=24, snail=SMALL)


def test_the_description_goes_to_json_and_back_and_has_the_published_stack_by_default():
    assert from_json(FewShot, to_json(DESCRIPTION)) == DESCRIPTION
    assert FewShot(ways=5, shots=1, pixels=4).stack == few_shot(6)


def test_the_last_label_is_not_looked_at_and_the_others_are():
    model = build(DESCRIPTION, seed=1)
    pictures = torch.rand(1, 3, 36, generator=stream(0, "pictures"))
    scores = [
        model(pictures, torch.tensor([labels])) for labels in ([0, 1, 0], [0, 1, 1], [1, 0, 0])
    ]
    assert torch.equal(scores[0], scores[1])
    assert not torch.allclose(scores[0], scores[2])


def test_it_learns_to_name_characters_it_never_saw():
    task = Alphabets(ways=2, side=6, wobble=0.02)
    model = build(DESCRIPTION, seed=0)
    budget = Budget(steps=150, batch=64, rate=3e-3)
    fit(model, Drawn(task, 64, seed=0), Naming(), budget, seed=0)
    assert share_named_after(model, fresh(task, 400, seed=1)) > 0.6


def test_no_ways_are_refused():
    with pytest.raises(ConfigError, match="0 ways"):
        FewShot(ways=0, shots=1, pixels=4)
