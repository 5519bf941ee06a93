"""Label smoothing is its equation, and torch's where torch has the same one."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from practicum.errors import ConfigError
from practicum.kernels.cross_entropy import IGNORED
from practicum.kernels.label_smoothing import (
    EvenSmoothing,
    OffTargetSmoothing,
    least,
    smoothed_cross_entropy,
    smoothed_cross_entropy_reference,
    smoothed_targets,
)
from practicum.seeding import stream

SMOOTHINGS = {
    "even": EvenSmoothing(share=0.1),
    "even, much": EvenSmoothing(share=0.7),
    "off target": OffTargetSmoothing(share=0.1),
    "off target, padding in the middle": OffTargetSmoothing(share=0.4, pad=4),
    "off target, padding last": OffTargetSmoothing(share=0.4, pad=8),
    "none": OffTargetSmoothing(share=0.0),
}


@pytest.fixture
def logits() -> Tensor:
    drawn = torch.randn(12, 9, generator=stream(0, "logits"), dtype=torch.float64)
    return (3 * drawn).requires_grad_()


@pytest.fixture
def targets() -> Tensor:
    drawn = torch.randint(9, (12,), generator=stream(0, "targets"))
    drawn[::5] = IGNORED
    drawn[1:5] = torch.tensor([0, 4, 8, 2])
    return drawn


def gradient(loss: Tensor, logits: Tensor) -> Tensor:
    return torch.autograd.grad(loss, logits)[0]


@pytest.mark.parametrize("smoothing", SMOOTHINGS.values(), ids=SMOOTHINGS.keys())
def test_the_fast_version_is_the_equation(smoothing, logits, targets):
    ours = smoothed_cross_entropy(logits, targets, smoothing)
    written = smoothed_cross_entropy_reference(logits, targets, smoothing)
    torch.testing.assert_close(ours, written)
    torch.testing.assert_close(gradient(ours, logits), gradient(written, logits))


@pytest.mark.parametrize("share", [0.0, 0.1, 0.4])
def test_even_smoothing_is_that_of_torch(share, logits, targets):
    ours = smoothed_cross_entropy(logits, targets, EvenSmoothing(share=share))
    theirs = F.cross_entropy(
        logits, targets, ignore_index=IGNORED, reduction="sum", label_smoothing=share
    )
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(gradient(ours, logits), gradient(theirs, logits))


def test_off_target_smoothing_is_even_smoothing_of_the_words_without_padding(logits, targets):
    without = logits.detach().clone()
    without[:, 0] = -torch.inf
    counted = (targets != IGNORED) & (targets != 0)
    ours = smoothed_cross_entropy(without, targets, OffTargetSmoothing(share=0.4, pad=0))
    theirs = F.cross_entropy(
        without[counted, 1:], targets[counted] - 1, reduction="sum", label_smoothing=0.4 * 8 / 7
    )
    torch.testing.assert_close(ours, theirs)


def test_the_example_of_the_article():
    q = smoothed_targets(torch.tensor([2, 1, 0, 3, 3]), 5, OffTargetSmoothing(share=0.4, pad=0))
    other = 0.4 / 3
    expected = [
        [0, other, 0.6, other, other],
        [0, 0.6, other, other, other],
        [0, 0, 0, 0, 0],
        [0, other, other, 0.6, other],
        [0, other, other, 0.6, other],
    ]
    torch.testing.assert_close(q, torch.tensor(expected, dtype=torch.float64))


def test_the_divergence_of_the_article_is_the_loss_less_a_constant(logits, targets):
    smoothing = OffTargetSmoothing(share=0.4, pad=4)
    q = smoothed_targets(targets, 9, smoothing)
    divergence = F.kl_div(logits.log_softmax(-1), q, reduction="sum")
    loss = smoothed_cross_entropy(logits, targets, smoothing)
    counted = int((q.sum(-1) > 0).sum())
    torch.testing.assert_close(loss - counted * least(smoothing, 9), divergence)
    torch.testing.assert_close(gradient(loss, logits), gradient(divergence, logits))


@pytest.mark.parametrize("smoothing", SMOOTHINGS.values(), ids=SMOOTHINGS.keys())
def test_the_least_loss_is_reached_by_the_target_itself(smoothing):
    targets = torch.tensor([1, 2, 3])
    q = smoothed_targets(targets, 9, smoothing)
    torch.testing.assert_close(q.sum(-1), torch.ones(3, dtype=torch.float64))
    loss = smoothed_cross_entropy(q.clamp(min=1e-300).log(), targets, smoothing)
    assert float(loss) == pytest.approx(3 * least(smoothing, 9))


def test_padding_teaches_nothing(logits):
    targets = torch.full((12,), 4)
    loss = smoothed_cross_entropy(logits, targets, OffTargetSmoothing(pad=4))
    assert float(loss.detach()) == 0
    assert not gradient(loss, logits).any()


def test_a_word_of_padding_that_cannot_be_said_is_no_trouble(logits, targets):
    forbidden = logits.detach().clone()
    forbidden[:, 4] = -torch.inf
    forbidden.requires_grad_()
    for function in (smoothed_cross_entropy, smoothed_cross_entropy_reference):
        loss = function(forbidden, targets, OffTargetSmoothing(share=0.2, pad=4))
        assert math.isfinite(float(loss.detach()))
        assert gradient(loss, forbidden).isfinite().all()


def test_half_precision_is_summed_in_single(logits, targets):
    half = logits.detach().to(torch.bfloat16)
    loss = smoothed_cross_entropy(half, targets, EvenSmoothing())
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, smoothed_cross_entropy(half.float(), targets, EvenSmoothing()))


def test_shares_and_vocabularies_that_make_no_sense_are_refused(logits, targets):
    with pytest.raises(ConfigError, match="share is 1.0; expected at least 0, below 1"):
        EvenSmoothing(share=1.0)
    with pytest.raises(ConfigError, match="expected at least 0"):
        OffTargetSmoothing(share=-0.1)
    with pytest.raises(ConfigError, match="the id of a word"):
        OffTargetSmoothing(pad=-1)
    with pytest.raises(ConfigError, match="9 words with 9 for padding"):
        smoothed_cross_entropy(logits, targets, OffTargetSmoothing(pad=9))
