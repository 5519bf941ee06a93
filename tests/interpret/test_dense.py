"""A trace hears what the network does, changes nothing, and refuses what is no chain."""

import pytest
import torch
from torch import nn

from practicum.errors import ModelError
from practicum.interpret.dense import linear_layer, linear_layers, replaced, trace
from practicum.models.build import build
from practicum.models.perceptron import Perceptron

X = torch.rand(5, 9, generator=torch.Generator().manual_seed(0))


def theirs() -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Flatten(), nn.Linear(9, 7), nn.ReLU(), nn.Dropout(), nn.Linear(7, 4), nn.Softmax(1)
        )


def test_a_trace_of_our_perceptron_is_its_own_trace():
    model = build(Perceptron(widths=(9, 7, 4)), seed=0)
    for layer, own in zip(trace(model, X), model.trace(X), strict=True):
        torch.testing.assert_close(layer.z, own.z.detach(), atol=0, rtol=0)
        torch.testing.assert_close(layer.after, own.a.detach(), atol=0, rtol=0)


def test_a_trace_of_any_sequential_holds_the_sums_and_what_lies_between():
    model = theirs()
    first, last = trace(model, X)
    torch.testing.assert_close(first.z, X @ model[1].weight.detach().T + model[1].bias.detach())
    torch.testing.assert_close(first.after, first.z.relu(), atol=0, rtol=0)
    torch.testing.assert_close(last.after.sum(1), torch.ones(5))
    assert [layer.name for layer in (first, last)] == ["1", "4"]


def test_listening_changes_no_bit_and_leaves_nothing_behind():
    model = theirs().train()
    model[0].eval()
    before = [part.training for part in model.modules()]
    trace(model, X)
    assert [part.training for part in model.modules()] == before
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in model.modules())
    model.eval()
    torch.testing.assert_close(trace(model, X)[-1].after, model(X).detach(), atol=0, rtol=0)


def test_replacing_an_input_by_itself_changes_no_bit():
    model = build(Perceptron(widths=(9, 7, 4)), seed=0)
    untouched = model(X)
    with replaced(linear_layer(model, 2), lambda a: a):
        torch.testing.assert_close(model(X), untouched, atol=0, rtol=0)
    with replaced(linear_layer(model, 2), lambda a: a * 0):
        assert not torch.equal(model(X), untouched)
    torch.testing.assert_close(model(X), untouched, atol=0, rtol=0)


class Fork(nn.Module):
    """Two layers side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Linear(9, 3), nn.Linear(9, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([self.left(x), self.right(x)], 1)


class Twice(nn.Module):
    """One layer read twice."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(9, 9)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(self.layer(x))


class Deep(nn.Module):
    """A layer over sequences."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x.reshape(-1, 3, 3)).flatten(1)


@pytest.mark.parametrize(
    ("model", "why"), [(Fork(), "gives 3 values"), (Twice(), "2 times"), (Deep(), "3 axes")]
)
def test_what_is_no_chain_is_refused(model: nn.Module, why: str):
    with pytest.raises(ModelError, match=why):
        trace(model, X)


def test_a_network_without_linear_layers_is_refused():
    with pytest.raises(ModelError, match="no linear layer"):
        linear_layers(nn.ReLU())
    with pytest.raises(ModelError, match="no layer 3"):
        linear_layer(theirs(), 3)
