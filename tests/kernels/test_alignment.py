"""Weights over a memory: what is masked is exactly 0, what is drawn is drawn with its chance."""

import math

import pytest
import torch

from practicum.kernels.alignment import (
    bell,
    choose,
    coverage_penalty,
    entropy,
    masked_softmax,
    near,
    read,
    real_places,
    softmax_jacobian_norm,
)
from practicum.seeding import stream


def draw(name: str, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=stream(0, name), dtype=torch.float64)


def test_real_places_are_the_first_ones():
    real = real_places(torch.tensor([0, 2, 3]), 3)
    assert real[:, 0].int().tolist() == [[0, 0, 0], [1, 1, 0], [1, 1, 1]]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_masked_places_get_exactly_nothing_and_the_others_sum_to_one(dtype: torch.dtype):
    scores = (100 * draw("scores", 4, 5, 6)).to(dtype)
    mask = real_places(torch.tensor([1, 3, 6, 2]), 6)
    weights = masked_softmax(scores, mask)
    assert (weights.masked_select(~mask.expand_as(weights)) == 0).all()
    torch.testing.assert_close(
        weights.sum(-1).float(),
        torch.ones(4, 5),
        atol=2e-2 if dtype == torch.bfloat16 else 1e-6,
        rtol=0,
    )


def test_a_masked_softmax_is_the_softmax_of_what_is_left():
    scores = draw("scores", 1, 2, 6)
    mask = torch.tensor([True, False, True, True, False, True])[None, None]
    expected = scores[..., mask[0, 0]].softmax(-1)
    torch.testing.assert_close(masked_softmax(scores, mask)[..., mask[0, 0]], expected)


def test_who_may_read_nothing_reads_zeros_and_gets_no_gradient():
    scores = draw("scores", 1, 1, 4).requires_grad_()
    weights = masked_softmax(scores, torch.zeros(1, 1, 4, dtype=torch.bool))
    (gradient,) = torch.autograd.grad(weights.sum(), scores)
    assert torch.equal(weights, torch.zeros_like(weights))
    assert torch.equal(gradient, torch.zeros_like(gradient))


def test_the_window_has_both_its_ends_and_the_bell_its_equation():
    centres = torch.tensor([[2.0, 3.5]], dtype=torch.float64)
    assert near(centres, 7, 1)[0].int().tolist() == [[0, 1, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, 0, 0]]
    for t, centre in enumerate(centres[0].tolist()):
        for place in range(7):
            expected = math.exp(-((place - centre) ** 2) / (2 * 2.5**2))
            assert bell(centres, 7, 2.5)[0, t, place].item() == pytest.approx(expected, abs=1e-15)


def test_places_are_chosen_as_often_as_their_weights_say():
    weights = torch.tensor([0.5, 0.0, 0.2, 0.3])
    chosen = choose(weights.expand(1, 20_000, 4), stream(0, "choices"))
    assert (chosen.sum(-1) == 1).all()
    shares = chosen.mean(dim=(0, 1))
    assert shares[1] == 0
    torch.testing.assert_close(shares, weights, atol=0.015, rtol=0)  # four standard errors


def test_a_choice_without_a_generator_is_the_likeliest_place():
    weights = torch.tensor([[[0.1, 0.6, 0.3], [0.4, 0.4, 0.2], [0.0, 0.0, 0.0]]])
    assert choose(weights, None).tolist() == [[[0, 1, 0], [1, 0, 0], [0, 0, 0]]]


def test_the_same_generator_chooses_the_same_places():
    weights = draw("scores", 2, 50, 6).softmax(-1)
    assert torch.equal(choose(weights, stream(3, "a")), choose(weights, stream(3, "a")))
    assert not torch.equal(choose(weights, stream(3, "a")), choose(weights, stream(3, "b")))


def test_reading_is_the_sum_as_written():
    weights, values = draw("w", 2, 3, 4), draw("v", 2, 4, 5)
    for b in range(2):
        for t in range(3):
            expected = sum(weights[b, t, i] * values[b, i] for i in range(4))
            torch.testing.assert_close(read(weights, values)[b, t], expected)


def test_entropy_goes_from_one_place_to_all_alike():
    weights = torch.tensor([[[0.0, 1.0, 0.0, 0.0], [0.25] * 4]])
    torch.testing.assert_close(entropy(weights), torch.tensor([[0.0, math.log(4)]]))


def test_the_penalty_counts_real_places_alone():
    weights = torch.tensor([[[0.5, 0.5, 0.0], [0.5, 0.5, 0.0]], [[1.0, 0.0, 0.0]] * 2])
    mask = real_places(torch.tensor([2, 3]), 3)
    torch.testing.assert_close(coverage_penalty(weights, mask), torch.tensor([0.0, 3.0]))


def test_the_norm_of_the_jacobian_is_that_of_the_jacobian():
    scores = draw("scores", 1, 3, 8) * 3
    norms = softmax_jacobian_norm(scores.softmax(-1))
    for t in range(3):
        jacobian = torch.autograd.functional.jacobian(lambda e: e.softmax(-1), scores[0, t])
        torch.testing.assert_close(norms[0, t], torch.linalg.matrix_norm(jacobian))


def test_unscaled_products_starve_the_softmax_of_gradient_as_vectors_grow():
    medians = {}
    for width in (16, 1024):
        q, k = draw(f"q{width}", 1, 200, width), draw(f"k{width}", 1, 64, width)
        dot = torch.einsum("btd,bsd->bts", q, k)
        for name, scores in (("dot", dot), ("scaled", dot / width**0.5)):
            norms = softmax_jacobian_norm(scores.softmax(-1))
            medians[name, width] = norms.median().item()
    assert medians["scaled", 1024] == pytest.approx(medians["scaled", 16], rel=0.15)
    assert medians["dot", 1024] <= medians["scaled", 1024] / 20
