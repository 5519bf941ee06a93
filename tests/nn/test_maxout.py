"""Maxout: the largest of adjacent pieces."""

import pytest
import torch

from practicum.autograd.slopes import Check
from practicum.autograd.torch_functions import assert_gradients
from practicum.errors import ConfigError
from practicum.nn.initial import Normal, Rule, initialise
from practicum.nn.maxout import Maxout
from practicum.seeding import stream


@pytest.mark.parametrize("pieces", [1, 2, 3])
@pytest.mark.parametrize("bias", [True, False])
def test_a_unit_is_the_largest_of_its_adjacent_pieces(pieces: int, bias: bool):
    layer = Maxout(units=4, pieces=pieces, bias=bias).build(5).double()
    initialise(layer, (Rule(names="*", start=Normal(std=1.0)),), seed=0)
    x = torch.randn(2, 3, 5, generator=stream(0, "x"), dtype=torch.float64)
    linear, ours = layer.inner(x), layer(x)
    assert ours.shape == (2, 3, 4)
    for unit in range(4):
        own = [linear[..., unit * pieces + i] for i in range(pieces)]
        assert torch.equal(ours[..., unit], torch.stack(own).max(0).values)


def test_gradients_are_those_of_the_function():
    layer = Maxout(units=4).build(5).double()
    initialise(layer, (Rule(names="*", start=Normal(std=1.0)),), seed=0)
    x = torch.randn(3, 5, generator=stream(0, "x"), dtype=torch.float64)
    assert_gradients(layer, (x,), Check(by="centred"))


@pytest.mark.parametrize("changes", [{"units": 0}, {"units": 3, "pieces": 0}])
def test_an_impossible_description_says_what_it_expected(changes: dict[str, int]):
    with pytest.raises(ConfigError, match="both must be at least 1"):
        Maxout(**changes)
