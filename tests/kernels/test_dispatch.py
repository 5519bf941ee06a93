"""Tokens reach their experts and come back: as the equation has it, in any order, with any room."""

import pytest
import torch
from torch import Tensor

from practicum.kernels.dispatch import by_expert, combine, dispatch
from practicum.seeding import stream


def draw(name: str, *shape: int) -> Tensor:
    made = torch.randn(*shape, generator=stream(0, name), dtype=torch.float64)
    return made.requires_grad_()


@pytest.fixture
def experts() -> Tensor:
    """Ten tokens, each with three different experts of five; expert 4 is chosen by none."""
    return torch.rand(10, 4, generator=stream(0, "experts")).topk(3).indices


def test_every_pair_stands_once_in_the_segment_of_its_expert(experts: Tensor):
    segments = by_expert(experts, 5)
    assert sorted(segments.pairs.tolist()) == list(range(30))
    assert segments.counts.tolist() == torch.bincount(experts.flatten(), minlength=5).tolist()
    whose = experts.flatten()[segments.pairs]
    assert whose.tolist() == sorted(whose.tolist())
    assert torch.equal(segments.tokens, segments.pairs // 3)
    assert torch.equal(segments.pairs[segments.slots.flatten()], torch.arange(30))


def test_within_a_segment_earlier_tokens_come_first(experts: Tensor):
    segments = by_expert(experts, 5)
    for tokens in segments.tokens.split(segments.counts.tolist()):
        assert tokens.tolist() == sorted(tokens.tolist())


def test_what_is_sent_and_brought_back_unchanged_is_the_weighted_sum(experts: Tensor):
    x, weights = draw("x", 10, 6), draw("w", 10, 3)
    segments = by_expert(experts, 5)
    there_and_back = combine(dispatch(x, segments), weights, segments)
    torch.testing.assert_close(there_and_back, x * weights.sum(-1, keepdim=True))


@pytest.mark.parametrize("room", [None, 4])
def test_both_ways_have_the_gradients_of_the_differences(experts: Tensor, room: int | None):
    segments = by_expert(experts, 5, room)
    scale = torch.arange(1.0, 1 + len(segments.pairs), dtype=torch.float64)[:, None]

    def mixture(x: Tensor, weights: Tensor) -> Tensor:
        return combine(dispatch(x, segments) * scale, weights, segments)

    assert torch.autograd.gradcheck(mixture, (draw("x", 10, 4), draw("w", 10, 3)))


def test_an_expert_with_little_room_takes_the_earliest_and_the_others_give_nothing():
    experts = torch.tensor([[0, 1], [0, 1], [0, 2], [0, 3]])
    segments = by_expert(experts, 4, room=2)
    assert segments.counts.tolist() == [2, 2, 1, 1]
    assert segments.tokens.tolist() == [0, 1, 0, 1, 2, 3]
    ones = torch.ones(4, 2)
    kept = combine(dispatch(torch.ones(4, 3), segments), ones, segments)
    assert kept[:, 0].tolist() == [2, 2, 1, 1]


def test_no_tokens_are_no_trouble():
    segments = by_expert(torch.empty(0, 2, dtype=torch.long), 3)
    x = torch.empty(0, 4)
    assert combine(dispatch(x, segments), torch.empty(0, 2), segments).shape == (0, 4)
