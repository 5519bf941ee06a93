"""Experts spread over two processes compute what one process does."""

import pytest

from practicum.errors import ConfigError
from practicum.nn.experts import Experts
from practicum.training.expert_parallel_check import Trial, gaps


def test_two_processes_give_the_outputs_and_gradients_of_one():
    experts = Experts(count=4, top=2, hidden=24)
    found = gaps(Trial(experts=experts, width=16, tokens=90, seed=0))
    assert found.outputs < 1e-5
    assert found.gradients < 1e-5
    assert 1.0 <= found.load < 2.0


def test_experts_that_cannot_be_shared_evenly_are_refused():
    with pytest.raises(ConfigError, match="3 experts cannot be shared evenly by 2 processes"):
        Trial(experts=Experts(count=3, hidden=8), width=4, tokens=6, seed=0)
