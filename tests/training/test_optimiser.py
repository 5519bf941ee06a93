"""Gentle parameters: a share of the rate, no decay, whatever the optimiser."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from practicum.data.loader import Loader
from practicum.errors import ConfigError, TrainingError
from practicum.models.build import build
from practicum.models.perceptron import Perceptron
from practicum.objectives.classification import CrossEntropy
from practicum.training.budget import Budget
from practicum.training.loop import Watch, fit
from practicum.training.optimiser import SGD, AdamW, Gentle, over_model

FIRST = Gentle(names=("layers.0.*",), share=0.25)


def network() -> nn.Module:
    return build(Perceptron(widths=(3, 5, 2)), seed=0)


def examples() -> list[tuple[np.ndarray, int]]:
    draw = np.random.default_rng(0)
    return [(draw.normal(size=3).astype(np.float32), i % 2) for i in range(8)]


def trained(budget: Budget, **watch) -> nn.Module:
    model = network()
    source = Loader(examples(), budget.batch, seed=1)
    fit(model, source, CrossEntropy(), budget, seed=0, watch=Watch(**watch))
    return model


def test_gentle_parameters_take_a_share_of_the_step():
    budget = Budget(steps=1, batch=8, rate=0.1, optimiser=SGD(), clip=None, warmup=0)
    start, whole = network(), trained(budget)
    slow = trained(Budget(**(vars(budget) | {"gentle": FIRST})))
    for (name, first), full, part in zip(
        start.named_parameters(), whole.parameters(), slow.parameters(), strict=True
    ):
        share = 0.25 if FIRST.matches(name) else 1.0
        torch.testing.assert_close(part - first, share * (full - first))


def test_gentle_parameters_do_not_decay_and_others_do():
    groups = over_model(network(), network().parameters(), AdamW(), None).param_groups
    assert [group["weight_decay"] for group in groups] == [0.1, 0.0]
    model = network()
    groups = over_model(model, model.parameters(), AdamW(decay=0.3), FIRST).param_groups
    assert [len(group["params"]) for group in groups] == [1, 1, 2]
    assert [group["weight_decay"] for group in groups] == [0.3, 0.0, 0.0]
    assert [group.get("share") for group in groups] == [None, None, 0.25]


def test_training_with_gentle_parameters_resumes_exactly(tmp_path: Path):
    def die(step: int, model: object) -> None:
        if step == 3:
            raise KeyboardInterrupt

    budget = Budget(steps=6, batch=4, rate=1e-2, gentle=FIRST, save_every=1)
    whole = trained(budget)
    with pytest.raises(KeyboardInterrupt):
        trained(budget, folder=tmp_path, after_step=die)
    for mine, other in zip(
        trained(budget, folder=tmp_path).parameters(), whole.parameters(), strict=True
    ):
        assert torch.equal(mine, other)


def test_a_pattern_that_matches_nothing_is_a_mistake():
    model = network()
    with pytest.raises(TrainingError, match="no parameter is called"):
        over_model(model, model.parameters(), AdamW(), Gentle(names=("*.poles",), share=0.1))
    with pytest.raises(ConfigError, match="a share from 0 to 1"):
        Gentle(names=("*",), share=2.0)
