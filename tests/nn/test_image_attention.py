"""Attention over pixels: nothing at first, the equation later, and a reach that filters lack."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from practicum.autograd.slopes import Check
from practicum.autograd.torch_functions import assert_gradients
from practicum.config import from_json, to_json
from practicum.errors import ConfigError
from practicum.nn.image_attention import START, ImageAttention, ImageAttentionLayer
from practicum.nn.initial import Constant, Normal, Rule, initialise
from practicum.seeding import stream

CHANNELS = 4
ATTENTION = ImageAttention(reduction=2)
WEIGHTS = Rule(names="*", start=Normal(std=0.7))


def draw(name: str, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=stream(0, name), dtype=torch.float64)


def built(*rules: Rule) -> ImageAttentionLayer:
    layer = ATTENTION.build(CHANNELS).double()
    initialise(layer, (*rules, WEIGHTS), seed=1)
    return layer


def test_the_description_goes_to_json_and_back():
    assert from_json(ImageAttention, to_json(ATTENTION)) == ATTENTION


def test_at_the_start_an_image_comes_out_bit_for_bit():
    x = draw("x", 2, CHANNELS, 3, 5)
    assert torch.equal(built(START)(x), x)


def test_at_the_start_gamma_alone_learns():
    layer = built(START)
    layer(draw("x", 2, CHANNELS, 3, 5)).square().sum().backward()
    gradients = {name: p.grad for name, p in layer.named_parameters()}
    assert gradients.pop("gamma").item() != 0
    assert all(gradient.count_nonzero() == 0 for gradient in gradients.values())


def test_every_pixel_reads_as_the_equation_says():
    layer, x = built(), draw("x", 1, CHANNELS, 2, 3)
    weight, bias = layer.get_parameter("maps.weight"), layer.get_parameter("maps.bias")
    pixels = [x[0, :, i, j] for i in range(2) for j in range(3)]
    f, g, h = zip(*((weight @ p + bias).split([2, 2, 4]) for p in pixels), strict=True)
    y = layer(x)[0].flatten(1)
    for j in range(6):
        powers = [torch.exp(f[i] @ g[j]) for i in range(6)]
        read = sum(power * h[i] for i, power in enumerate(powers)) / sum(powers)
        torch.testing.assert_close(y[:, j], layer.gamma * read + pixels[j])


def test_pixels_in_another_order_come_out_in_that_order():
    layer, x = built(), draw("x", 2, CHANNELS, 3, 4)
    moved = layer(x.flip(2).roll(1, 3))
    torch.testing.assert_close(moved, layer(x).flip(2).roll(1, 3))
    torch.testing.assert_close(layer(x.mT), layer(x).mT)  # rows and columns are alike


def test_far_pixels_reach_each_other_where_small_filters_do_not():
    x = draw("x", 1, CHANNELS, 9, 9).requires_grad_()
    kernel = draw("kernel", CHANNELS, CHANNELS, 3, 3)

    def slope_of_the_far_corner(y: Tensor) -> Tensor:
        (gradient,) = torch.autograd.grad(y[0, :, 0, 0].sum(), x)
        return gradient[0, :, 8, 8]

    filtered = F.conv2d(torch.tanh(F.conv2d(x, kernel, padding=1)), kernel, padding=1)
    assert slope_of_the_far_corner(filtered).count_nonzero() == 0
    assert slope_of_the_far_corner(built(START)(x)).count_nonzero() == 0
    gamma = Rule(names="gamma", start=Constant(value=0.5))
    assert slope_of_the_far_corner(built(gamma)(x)).count_nonzero() == CHANNELS


def test_gradients_are_those_of_the_function():
    gamma = Rule(names="gamma", start=Constant(value=0.5))
    assert_gradients(built(gamma), draw("x", 1, CHANNELS, 2, 3), Check(by="centred"))


def test_too_few_channels_are_said_in_one_line():
    with pytest.raises(ConfigError, match="4 channels cannot be reduced 8 times"):
        ImageAttention().build(4)
    with pytest.raises(ConfigError, match="reduction is 0"):
        ImageAttention(reduction=0)
