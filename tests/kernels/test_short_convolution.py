"""The short convolution against its equation term by term, against torch's, and in steps."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from practicum.kernels.short_convolution import (
    convolution_step,
    inputs_to_keep,
    short_convolution,
    short_convolution_reference,
)
from practicum.seeding import stream

ROWS, TIME, CHANNELS = 2, 9, 5


def draw(name: str, *shape: int) -> Tensor:
    made = torch.randn(*shape, generator=stream(0, name), dtype=torch.float64)
    return made.requires_grad_()


def parts(width: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    return (
        draw("x", ROWS, TIME, CHANNELS),
        draw("weight", CHANNELS, width),
        draw("bias", CHANNELS),
        draw("before", ROWS, width - 1, CHANNELS),
    )


@pytest.mark.parametrize("width", [1, 2, 4])
@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_it_is_the_equation_with_its_gradients(width: int, share: float):
    x, weight, bias, before = parts(width)
    starts = torch.rand(ROWS, TIME, generator=stream(1, "starts")) < share
    ours = short_convolution(x, weight, bias, before=before, starts=starts)
    theirs = short_convolution_reference(x, weight, bias, before, starts)
    torch.testing.assert_close(ours, theirs)
    inputs = (x, weight, bias, before)
    for mine, other in zip(
        torch.autograd.grad(ours.square().sum(), inputs),
        torch.autograd.grad(theirs.square().sum(), inputs),
        strict=True,
    ):
        torch.testing.assert_close(mine, other)


def test_without_a_past_it_is_torchs_padded_convolution():
    x, weight, bias, _ = parts(4)
    padded = F.pad(x.transpose(1, 2), (3, 0))
    theirs = F.conv1d(padded, weight[:, None], bias, groups=CHANNELS).transpose(1, 2)
    torch.testing.assert_close(short_convolution(x, weight, bias), theirs)


def test_one_row_of_starts_serves_all_rows():
    x, weight, bias, _ = parts(4)
    starts = torch.zeros(1, TIME, dtype=torch.bool)
    starts[:, 4] = True
    cut = short_convolution(x, weight, bias, starts=starts)
    apart = [short_convolution(part, weight, bias) for part in (x[:, :4], x[:, 4:])]
    torch.testing.assert_close(cut, torch.cat(apart, dim=1))


@pytest.mark.parametrize("width", [1, 4])
def test_token_by_token_it_is_the_same(width: int):
    x, weight, bias, before = parts(width)
    kept, steps = before, []
    for i in range(TIME):
        y, kept = convolution_step(x[:, i], weight, bias, kept)
        steps.append(y)
    whole = short_convolution(x, weight, bias, before=before)
    torch.testing.assert_close(torch.stack(steps, dim=1), whole)
    torch.testing.assert_close(kept, inputs_to_keep(x, width, before=before))


def test_what_is_kept_of_a_padded_row_are_its_last_real_inputs():
    x, _, _, before = parts(4)
    real = torch.arange(TIME) < torch.tensor([[2], [7]])
    kept = inputs_to_keep(x, 4, before=before, real=real)
    assert torch.equal(kept[0], torch.cat([before[0, 2:], x[0, :2]]))
    assert torch.equal(kept[1], x[1, 4:7])


def test_what_is_kept_of_a_short_first_text_begins_with_zeros():
    x, *_ = parts(4)
    assert torch.equal(inputs_to_keep(x[:, :1], 4)[:, :2], torch.zeros_like(x[:, :2]))
    assert torch.equal(inputs_to_keep(x[:, :1], 4)[:, 2], x[:, 0])
