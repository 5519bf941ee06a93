"""Where the modes of a state space model start."""

import math

import pytest
import torch
from torch import nn

from practicum.config import from_json, to_json
from practicum.errors import ConfigError
from practicum.kernels.hippo import legs_modes
from practicum.nn.initial import Rule, initialise
from practicum.nn.state_space_start import LogUniform, ModesOf, poles
from practicum.seeding import stream


def test_steps_are_uniform_in_their_logarithm():
    drawn = LogUniform(low=1e-3, high=1e-1).drawn(torch.Size([4000]), stream(0, "steps"))
    assert math.log(1e-3) <= drawn.min() < drawn.max() <= math.log(1e-1)
    assert drawn.exp().median().item() == pytest.approx(1e-2, rel=0.1)


def test_the_published_spectra():
    assert poles("lin", 8).imag.tolist() == pytest.approx([0, math.pi, 2 * math.pi, 3 * math.pi])
    inverse = [8 / math.pi * (8 / (2 * n + 1) - 1) for n in range(4)]
    assert poles("inv", 8).imag.tolist() == pytest.approx(inverse)
    assert poles("real", 8).tolist() == [-1, -2, -3, -4]
    for spectrum in ("lin", "inv", "legs"):
        assert poles(spectrum, 8).real.tolist() == [-0.5] * 4


def test_inverse_spacing_is_near_the_true_spectrum():
    """S4D-Inv was read off HiPPO-LegS (Gu et al. 2022, conjecture 5)."""
    near, true = poles("inv", 256).imag.sort().values, poles("legs", 256).imag
    assert (near[-8:] / true[-8:] - 1).abs().max() < 0.06


def test_a_layer_starts_with_the_modes_in_every_channel():
    layer = nn.Module()
    layer.frequency = nn.Parameter(torch.empty(3, 8))
    layer.input = nn.Parameter(torch.empty(3, 8, 2))
    rules = tuple(
        Rule(names=part, start=ModesOf(spectrum="legs", part=part))
        for part in ("frequency", "input")
    )
    initialise(layer, rules, seed=0)
    modes = legs_modes(16)
    for channel in range(3):
        torch.testing.assert_close(layer.frequency[channel].double(), modes.poles.imag)
        torch.testing.assert_close(layer.input[channel, :, 0].double(), modes.input.real)
    assert from_json(tuple[Rule, ...], to_json(rules)) == rules


def test_what_cannot_start_says_why():
    with pytest.raises(ConfigError, match="'lin' has no low_rank"):
        ModesOf(spectrum="lin", part="low_rank")
    with pytest.raises(ConfigError, match="0 < low < high"):
        LogUniform(low=0.1, high=0.1)
