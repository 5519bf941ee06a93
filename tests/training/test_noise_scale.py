"""The noise scale of a model's gradients against per-example gradients, one by one."""

import numpy as np
import pytest
import torch

from practicum.autograd.activations import SIGMOID
from practicum.autograd.costs import one_hot
from practicum.autograd.layers import Layered
from practicum.autograd.noise_scale import noise_scale as definition
from practicum.autograd.nudges import per_sample_nudges
from practicum.data.loader import Loader
from practicum.errors import ConfigError
from practicum.models.build import build
from practicum.models.perceptron import Perceptron
from practicum.objectives.squares import SummedSquares
from practicum.training.noise_scale import NoiseScale, noise_scale

DRAW = np.random.default_rng(0)
X, LABELS = DRAW.uniform(size=(200, 6)), DRAW.integers(3, size=200)
PAIRS = [(x, int(label)) for x, label in zip(X, LABELS, strict=True)]


@pytest.fixture
def model():
    return build(Perceptron(widths=(6, 5, 3), start="unit"), seed=1, dtype=torch.float64)


def every_gradient(model) -> np.ndarray:
    vector = torch.nn.utils.parameters_to_vector(model.parameters()).detach().numpy()
    network = Layered(widths=(6, 5, 3), activations=(SIGMOID,) * 2)
    return per_sample_nudges(network, vector, X, one_hot(LABELS, 3))


def test_batches_of_one_over_all_examples_give_the_definition_without_its_bias(model):
    found = noise_scale(model, Loader(PAIRS, 1, seed=0), SummedSquares(), batches=200, seed=0)
    each = every_gradient(model)
    noise = np.trace(np.cov(each.T))  # divided by n − 1
    assert found.noise == pytest.approx(noise, rel=1e-10)
    assert found.signal == pytest.approx((each.mean(0) ** 2).sum() - noise / 200, rel=1e-10)


def test_larger_batches_estimate_the_same_scale(model):
    found = noise_scale(model, Loader(PAIRS, 10, seed=0), SummedSquares(), batches=300, seed=0)
    assert found.scale == pytest.approx(definition(every_gradient(model)), rel=0.1)
    assert (found.batch, found.batches) == (10, 300)


def test_it_leaves_weights_gradients_and_mode_alone(model):
    before = [p.detach().clone() for p in model.parameters()]
    noise_scale(model, Loader(PAIRS, 5, seed=0), SummedSquares(), batches=2, seed=0)
    for old, parameter in zip(before, model.parameters(), strict=True):
        assert torch.equal(old, parameter)
        assert parameter.grad is None
    assert not model.training


def test_progress_is_half_where_the_batch_is_the_noise_scale():
    measured = NoiseScale(signal=2.0, noise=100.0, batch=10, batches=30)
    assert measured.scale == 50
    assert measured.progress(50) == 0.5
    assert measured.progress(5000) > 0.98
    assert NoiseScale(signal=-0.1, noise=1.0, batch=10, batches=3).progress(1000) == 0


def test_one_batch_or_unequal_ones_are_refused(model):
    with pytest.raises(ConfigError, match="two batches"):
        noise_scale(model, Loader(PAIRS, 5, seed=0), SummedSquares(), batches=1, seed=0)

    class Uneven(Loader):
        def __next__(self):
            self.batch += 1
            return super().__next__()

    with pytest.raises(ConfigError, match="equal"):
        noise_scale(model, Uneven(PAIRS, 5, seed=0), SummedSquares(), batches=2, seed=0)
