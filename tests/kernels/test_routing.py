"""The choice of experts is the softmax over the largest scores, or the largest of the softmax."""

import pytest
import torch
from torch import Tensor

from practicum.kernels.routing import Routing, probabilities, route, route_reference
from practicum.seeding import stream


@pytest.fixture
def logits() -> Tensor:
    return torch.randn(40, 7, generator=stream(0, "logits"), dtype=torch.float64)


def every_weight(routing: Routing, count: int) -> Tensor:
    spread = torch.zeros(len(routing.experts), count, dtype=routing.weights.dtype)
    return spread.scatter(1, routing.experts, routing.weights)


@pytest.mark.parametrize("renormalise", [True, False])
@pytest.mark.parametrize("top", [1, 2, 7])
def test_the_choice_is_the_equation(logits: Tensor, top: int, renormalise: bool):
    ours = every_weight(route(logits, top, renormalise=renormalise), 7)
    torch.testing.assert_close(ours, route_reference(logits, top, renormalise=renormalise))


def test_softmax_over_the_largest_is_softmax_over_all_divided_by_its_sum(logits: Tensor):
    kept, plain = (route(logits, 2, renormalise=r) for r in (True, False))
    torch.testing.assert_close(kept.weights.sum(-1), torch.ones(40).double())
    assert bool((plain.weights.sum(-1) < 1).all())
    assert torch.equal(kept.experts, plain.experts)


def test_the_first_choice_weighs_most(logits: Tensor):
    weights = route(logits, 3, renormalise=True).weights
    assert bool((weights[:, :-1] >= weights[:, 1:]).all())


def test_half_precision_scores_become_float32_probabilities(logits: Tensor):
    assert probabilities(logits.bfloat16()).dtype == torch.float32
    assert probabilities(logits).dtype == torch.float64
