"""torch's gradient of a layered network, against the one by hand."""

import numpy as np
import pytest

from practicum.autograd.activations import IDENTITY
from practicum.autograd.costs import SoftmaxCrossEntropy
from practicum.autograd.layers import Layered
from practicum.autograd.trials import random_trial
from practicum.errors import ModelError
from practicum.models.layered import by_autograd


@pytest.mark.parametrize("seed", range(5))
def test_torchs_gradient_is_the_one_by_hand_and_changes_nothing(seed):
    trial = random_trial(np.random.default_rng(seed), 7)
    before = trial.vector.copy()
    found = by_autograd(trial.network)(*trial.at)
    np.testing.assert_allclose(found, trial.network.gradient(*trial.at), rtol=1e-9, atol=1e-14)
    np.testing.assert_array_equal(trial.vector, before)


def test_other_costs_are_refused():
    network = Layered(widths=(2, 3), activations=(IDENTITY,), cost=SoftmaxCrossEntropy())
    with pytest.raises(ModelError, match="SoftmaxCrossEntropy"):
        by_autograd(network)
