import pytest

from practicum.errors import ConfigError
from practicum.evaluation.expert_dispatch import dispatch_cost
from practicum.nn.experts import Experts


def test_both_ways_compute_one_function():
    cost = dispatch_cost(Experts(hidden=6, count=3, top=2), width=5, tokens=11, rounds=2, seed=1)
    assert cost.outputs < 1e-6
    assert cost.gradients < 1e-5
    assert min(cost.sparse, cost.dense) > 0


def test_two_of_many_experts_cost_less_than_all():
    wide = Experts(hidden=128, count=16, top=1)
    cost = dispatch_cost(wide, width=128, tokens=1024, rounds=3, seed=0)
    assert cost.sparse < cost.dense


@pytest.mark.parametrize("odd", [{"capacity": 1.0}, {"jitter": 0.1}])
def test_what_is_not_one_function_is_refused(odd):
    with pytest.raises(ConfigError, match="cannot be compared"):
        dispatch_cost(Experts(hidden=4, **odd), width=4, tokens=8, seed=0)
