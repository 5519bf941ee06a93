"""Random trials are as announced, and errors are measured as announced."""

import numpy as np
import pytest

from practicum.autograd.activations import RELU, SIGMOID
from practicum.autograd.layers import Layered
from practicum.autograd.trials import BESIDE_KINKS, errors, errors_by_layer, random_trial


def test_trials_differ_in_depth_width_and_activation_and_keep_off_the_kinks():
    trials = [random_trial(np.random.default_rng(seed), 12) for seed in range(30)]
    shapes = [trial.network.widths for trial in trials]
    assert {len(shape) - 1 for shape in shapes} == {2, 3, 4, 5}
    assert max(map(max, shapes)) > 15
    for trial in trials:
        assert len(trial.x) == len(trial.y) == 12
        zs = trial.network.trace(trial.vector, trial.x).z
        for f, z in zip(trial.network.activations, zs, strict=True):
            assert f is not RELU or np.abs(z).min() > BESIDE_KINKS


def test_a_trials_cost_is_real_or_complex_as_its_parameters_are():
    trial = random_trial(np.random.default_rng(0), 3)
    real = trial.cost(trial.vector)
    assert isinstance(real, float)
    assert trial.cost(trial.vector + 0j) == pytest.approx(real)


def test_errors_are_relative_to_the_partial_or_to_the_usual_size():
    right = np.array([10.0, 0.0, 0.0, 0.0])  # root mean square 5
    np.testing.assert_allclose(errors(right + 1.0, right), [0.1, 0.2, 0.2, 0.2])
    np.testing.assert_array_equal(errors(np.zeros(3), np.zeros(3)), 0)


def test_errors_by_layer_are_relative_lengths():
    network = Layered(widths=(2, 1, 1), activations=(SIGMOID,) * 2)
    right = np.array([3.0, 0.0, 4.0, 1.0, 0.0])
    found = np.array([3.0, 0.0, 5.0, 1.0, 2.0])
    assert errors_by_layer(network, found, right) == pytest.approx([0.2, 2.0])
