"""InfoNCE against its equation, what guessing costs, and views that are learned to be alike."""

import math

import numpy as np
import pytest
import torch

from practicum.data.loader import Loader
from practicum.errors import ConfigError
from practicum.models.build import build
from practicum.models.perceptron import Perceptron
from practicum.objectives.contrastive import Contrastive, info_nce
from practicum.objectives.corruption import Gaps, Noise
from practicum.training.budget import Budget
from practicum.training.loop import fit

Z = torch.randn(6, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_info_nce_is_the_equation():
    z = [row / row.norm() for row in Z]
    wanted = 0.0
    for i in range(6):
        near = {j: math.exp(float(z[i] @ z[j]) / 0.3) for j in range(6) if j != i}
        wanted -= math.log(near[(i + 3) % 6] / sum(near.values()))
    assert float(info_nce(Z, 0.3)) == pytest.approx(wanted, abs=1e-12)


def test_guessing_costs_the_logarithm_of_the_other_views():
    assert float(info_nce(torch.ones(8, 3), 0.5)) == pytest.approx(8 * math.log(7), rel=1e-6)


def test_the_length_of_a_vector_does_not_matter():
    torch.testing.assert_close(info_nce(Z, 0.5), info_nce(7 * Z, 0.5))


def test_two_views_of_texts_of_numbers_of_pictures():
    objective = Contrastive(corruption=Gaps(share=0.5))
    for example in (np.arange(1, 7), np.ones(6, np.float32), np.ones((2, 3), np.float32)):
        views = objective.prepare([example] * 4, torch.Generator().manual_seed(0))
        assert views.x.shape == (8, *example.shape)
        assert not torch.equal(views.x[:4], views.x[4:])


def test_views_of_one_example_become_alike():
    draw = np.random.default_rng(0)
    centres = draw.standard_normal((16, 12)).astype(np.float32) * 0.3
    model = build(Perceptron(widths=(12, 16, 4), activation="relu", output="identity"), seed=1)
    objective = Contrastive(corruption=Noise(std=0.2), temperature=0.2)
    source = Loader(list(centres), 16, seed=0)
    trained = fit(model, source, objective, Budget(steps=150, batch=16, rate=1e-2), seed=0)
    assert trained.loss < 0.6 * math.log(31)


def test_a_temperature_of_zero_is_refused():
    with pytest.raises(ConfigError, match="temperature is 0"):
        Contrastive(corruption=Noise(std=1), temperature=0)
