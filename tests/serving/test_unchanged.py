"""A network that was written to is the same; one with other parts or tensors is another."""

import pytest
import torch
from torch import nn

from practicum.serving.unchanged import Unchanged, Unwritten


@pytest.fixture
def network():
    return nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2, bias=False))


def test_a_network_that_was_trained_or_loaded_into_is_unchanged(network):
    unchanged = Unchanged(network)
    with torch.no_grad():
        network[0].weight.add_(1.0)
    network.load_state_dict({name: value * 2 for name, value in network.state_dict().items()})
    network.train(False)
    assert unchanged


CHANGES = {
    "a part": lambda net: net.__setitem__(1, nn.GELU()),
    "a part less": lambda net: net.__delitem__(1),
    "a part inside": lambda net: setattr(net[1], "more", nn.ReLU()),
    "a parameter": lambda net: setattr(net[2], "weight", nn.Parameter(torch.zeros(2, 3))),
    "a bias": lambda net: setattr(net[2], "bias", nn.Parameter(torch.zeros(2))),
    "its memory": lambda net: setattr(net[2].weight, "data", net[2].weight.data.clone()),
    "its precision": lambda net: net.double(),
    "a kind": lambda net: setattr(net[1], "__class__", nn.Tanh),
    "a hook": lambda net: net[1].register_forward_hook(lambda *_: None),
    "a hook before": lambda net: net[1].register_forward_pre_hook(lambda *_: None),
    "loaded by assigning": lambda net: net.load_state_dict(
        {name: value.clone() for name, value in net.state_dict().items()}, assign=True
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_network_with_another_part_or_tensor_is_changed(network, change):
    unchanged = Unchanged(network)
    CHANGES[change](network)
    assert not unchanged


WRITES = {
    "a step": lambda net: net[0].weight.add_(1.0),
    "a bias": lambda net: net[0].bias.mul_(2.0),
    "a number": lambda net: net[2].weight[0, 1].fill_(0.5),
    "loaded": lambda net: net.load_state_dict(
        {name: value * 2 for name, value in net.state_dict().items()}
    ),
}


@pytest.mark.parametrize("change", {**CHANGES, **WRITES})
def test_a_network_that_was_written_to_or_changed_is_not_unwritten(network, change):
    unwritten = Unwritten(network)
    network(torch.ones(1, 2)).sum().backward()
    network.train(False)
    assert unwritten
    with torch.no_grad():
        {**CHANGES, **WRITES}[change](network)
    assert not unwritten


def test_parameters_that_count_no_writes_are_looked_at_all_the_same():
    with torch.inference_mode():
        network = nn.Linear(2, 2)
    assert Unwritten(network)
