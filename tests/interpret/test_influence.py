"""What a place depends on, measured on functions whose reach is known."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from practicum.interpret.influence import influence, pixels_seen, steps_seen
from practicum.interpret.softmax_slopes import median_slope
from practicum.nn.attention import Attention
from practicum.nn.initial import Normal, Rule, initialise
from practicum.nn.snail import TemporalConvolutions
from practicum.seeding import stream


def draw(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=stream(0, "x"), dtype=torch.float64)


def test_a_shifted_sum_depends_on_what_it_sums():
    lagged = lambda x: x + 2 * x.roll(3, 1)
    slopes = influence(lagged, draw(1, 8, 4), 5)
    assert slopes.nonzero().flatten().tolist() == [2, 5]
    torch.testing.assert_close(slopes[2], 2 * slopes[5])
    assert steps_seen(lagged, draw(1, 8, 4), 5) == (4, 0)


def test_steps_ahead_are_counted_and_nothing_is_nothing():
    assert steps_seen(lambda x: x.roll(-2, 1) + x, draw(1, 8, 4), 3) == (1, 2)
    assert steps_seen(lambda x: 0 * x, draw(1, 8, 4), 3) == (0, 0)


@pytest.mark.parametrize("length", [2, 3, 8, 9])
def test_dense_convolutions_see_two_to_the_number_of_their_layers(length):
    description = TemporalConvolutions(length=length, filters=4)
    layer = description.build(3).double()
    initialise(layer, (Rule(names="*", start=Normal(std=0.5)),), seed=1)
    assert steps_seen(layer, draw(1, 20, 3), 17) == (2 ** len(description.blocks), 0)


def test_a_window_of_attention_is_seen_as_long_as_it_is():
    layer = Attention(heads=2, window=5).build(8).double()
    initialise(layer, (Rule(names="*", start=Normal(std=0.5)),), seed=1)
    assert steps_seen(layer, draw(1, 12, 8), 9) == (5, 0)


def test_a_small_filter_sees_its_neighbourhood():
    filters = draw(2, 2, 3, 3)
    seen = pixels_seen(lambda x: F.conv2d(x, filters, padding=1), draw(1, 2, 5, 6), (1, 4))
    expected = torch.zeros(5, 6, dtype=torch.bool)
    expected[0:3, 3:6] = True
    assert torch.equal(seen > 0, expected)


def test_scaling_keeps_the_slope_of_a_softmax_and_width_alone_destroys_it():
    scaled = [median_slope(width, scaled=True, queries=200, seed=0) for width in (16, 1024)]
    plain = [median_slope(width, scaled=False, queries=200, seed=0) for width in (16, 1024)]
    assert scaled[1] == pytest.approx(scaled[0], rel=0.15)
    assert plain[0] > scaled[0]
    assert plain[1] < scaled[1] / 20
