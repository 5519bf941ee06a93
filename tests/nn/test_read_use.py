"""A vector that was read is gated or mixed as the equations say."""

import pytest
import torch
from torch import Tensor

from practicum.autograd.slopes import Check
from practicum.autograd.torch_functions import assert_gradients
from practicum.config import from_json, to_json
from practicum.errors import ConfigError
from practicum.nn.initial import Constant, Normal, Rule, initialise
from practicum.nn.read_use import Attentional, ContextGate
from practicum.seeding import stream

USES = {"gate": ContextGate(), "attentional": Attentional(width=6)}


def draw(name: str, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=stream(0, name), dtype=torch.float64)


def built(name: str) -> torch.nn.Module:
    layer = USES[name].build(4, 3).double()
    initialise(layer, (Rule(names="*", start=Normal(std=0.7)),), seed=1)
    return layer


@pytest.mark.parametrize("name", USES)
def test_a_description_goes_to_json_and_back(name):
    assert from_json(type(USES[name]), to_json(USES[name])) == USES[name]


def test_both_are_their_equations():
    states, read = draw("s", 2, 5, 4), draw("c", 2, 5, 3)
    gate, mix = built("gate"), built("attentional")
    weights = {**dict(gate.named_parameters()), **dict(mix.named_parameters())}
    for b in range(2):
        for t in range(5):
            s, c = states[b, t], read[b, t]
            share = torch.sigmoid(weights["gate.weight"] @ s + weights["gate.bias"])
            torch.testing.assert_close(gate(states, read)[b, t], share * c)
            mixed = torch.tanh(weights["mix.weight"] @ torch.cat([c, s]))
            torch.testing.assert_close(mix(states, read)[b, t], mixed)


def test_a_closed_gate_lets_nothing_through():
    gate = ContextGate().build(4, 3).double()
    initialise(gate, (Rule(names="*", start=Constant(value=0.0)),), seed=0)
    read = draw("c", 2, 5, 3)
    torch.testing.assert_close(gate(draw("s", 2, 5, 4), read), read / 2)
    gate.gate.bias.data.fill_(-200.0)
    assert gate(draw("s", 2, 5, 4), read).abs().max() < 1e-80


@pytest.mark.parametrize("name", USES)
def test_gradients_are_those_of_the_function(name):
    assert_gradients(built(name), (draw("s", 1, 2, 4), draw("c", 1, 2, 3)), Check(by="centred"))


def test_no_units_are_refused():
    with pytest.raises(ConfigError, match=r"Attentional.width is 0"):
        Attentional(width=0)
