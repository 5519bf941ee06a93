"""torch's own gradients pass; custom functions that are wrong do not, and the line says where."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from practicum.autograd.slopes import Check
from practicum.autograd.torch_functions import (
    assert_gradients,
    in_double,
    verify_gradients,
    verify_loss,
)
from practicum.errors import ConfigError
from practicum.models.build import build
from practicum.models.families.gpt2 import gpt2
from practicum.models.perceptron import Perceptron
from practicum.objectives.classification import CrossEntropy
from practicum.seeding import stream

X = torch.randn(3, 4, generator=stream(0, "x"))


class Cube(torch.autograd.Function):
    """x³, with a slope that can be spoiled."""

    factor = 3.0

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return Cube.factor * x**2 * g


class Tied(nn.Module):
    """One weight used twice, under two names."""

    def __init__(self):
        super().__init__()
        self.one = nn.Linear(4, 4, bias=False)
        self.two = nn.Linear(4, 4, bias=False)
        self.two.weight = self.one.weight

    def forward(self, x):
        return self.two(torch.tanh(self.one(x)))


def seeded(module):
    for name, parameter in module.named_parameters():
        nn.init.normal_(parameter, std=0.5, generator=stream(1, name))
    return module


MODULES = {
    "linear": (lambda: nn.Linear(4, 2), "complex"),
    "tied": (Tied, "complex"),
    "with dropout": (lambda: nn.Sequential(nn.Linear(4, 5), nn.Dropout(0.5), nn.ReLU()), "centred"),
    "normalised": (lambda: nn.Sequential(nn.BatchNorm1d(4), nn.LayerNorm(4), nn.GELU()), "centred"),
    "perceptron": (lambda: build(Perceptron(widths=(4, 3, 2)), seed=3), "centred"),
}


@pytest.mark.parametrize("name", MODULES)
def test_modules_of_torch_are_right(name):
    make, by = MODULES[name]
    module = seeded(make())
    report = verify_gradients(module, X)
    assert report.passed, str(report)
    assert report.how.by == by
    names = ["input 0", *(name for name, _ in module.named_parameters())]
    assert [tensor.name for tensor in report.tensors] == names
    assert all(p.dtype == torch.float32 and p.grad is None for p in module.parameters())


def test_a_recurrent_layer_is_right_in_all_its_weights():
    report = verify_gradients(seeded(nn.LSTM(4, 2)), X[:, None])
    assert report.passed, str(report)
    assert all(tensor.worst[0].claimed != 0.0 for tensor in report.tensors)


def test_a_decoder_is_right_in_a_sample_of_its_weights():
    model = build(gpt2(width=8, depth=1, heads=2, vocab=11, context=6), seed=0)
    ids = torch.tensor([[1, 5, 2, 9]])
    report = verify_gradients(model, (ids,), Check(most=2))
    assert report.passed, str(report)


def test_a_loss_is_checked_with_its_objective_and_batch():
    model = build(Perceptron(widths=(4, 3, 3), activation="tanh", output="identity"), seed=1)
    objective = CrossEntropy()
    examples = [(row, label) for row, label in zip(X.numpy(), (0, 2, 1), strict=True)]
    batch = in_double(objective.prepare(examples, stream(0, "batch")))
    report = verify_loss(model, lambda m: objective.loss(m, batch).total)
    assert report.passed, str(report)
    assert len(report.tensors) == 4


def test_custom_functions_are_checked_for_tests(monkeypatch):
    assert_gradients(lambda x: Cube.apply(x).sum(), X)
    assert verify_gradients(Cube.apply, X).how.by == "complex"
    monkeypatch.setattr(Cube, "factor", 2.0)
    with pytest.raises(AssertionError, match="gradient of 'x' is wrong at 12 of 12 entries"):
        assert_gradients(lambda x: Cube.apply(x).sum(), {"x": X})


def test_torchs_own_checker_agrees(monkeypatch):
    x = X.double().requires_grad_()
    assert torch.autograd.gradcheck(Cube.apply, x) == verify_gradients(Cube.apply, X).passed
    monkeypatch.setattr(Cube, "factor", 2.0)
    found = torch.autograd.gradcheck(Cube.apply, x, raise_exception=False)
    assert found == verify_gradients(Cube.apply, X).passed


def test_errors_that_cancel_in_a_sum_are_found():
    class Swapped(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, g):
            return g.flip(0)

    assert verify_gradients(lambda x: Swapped.apply(x).sum(), X).passed
    assert not verify_gradients(Swapped.apply, X).passed


WRONG = {
    "detached": (lambda x: (x * x.detach()).sum(), "wrong at 12 of 12"),
    "cut off": (lambda x: (x.detach() ** 2).sum(), "is the path cut?"),
    "through numpy": (lambda x: torch.from_numpy(np.tanh(x.detach().numpy())), "is the path cut?"),
    "straight through": (lambda x: x + (x.round() - x).detach(), "wrong at 12 of 12"),
}


@pytest.mark.parametrize("name", WRONG)
def test_cut_paths_are_found(name):
    function, said = WRONG[name]
    report = verify_gradients(function, X)
    assert not report.passed
    assert said in str(report)


def test_functions_without_a_complex_form_are_checked_by_differences():
    for function in (torch.abs, F.relu, lambda x: x.real**2, lambda x: F.softmax(x, -1)):
        report = verify_gradients(function, X)
        assert report.passed, str(report)
        assert report.how.by == "centred"


def test_ties_and_kinks_follow_torch():
    flat = torch.zeros(2, 2)
    report = verify_gradients(lambda a, b: torch.maximum(a, b) + F.relu(a), (flat, flat))
    assert report.passed, str(report)
    # torch halves the tie, as the centred difference does, but gives the ReLU no slope
    assert [len(tensor.kinks) for tensor in report.tensors] == [4, 0]


def test_whole_numbers_and_options_are_passed_on():
    table = torch.randn(5, 3, generator=stream(0, "table"))
    report = verify_gradients(
        F.embedding,
        {"input": torch.tensor([1, 1, 4]), "weight": table, "scale_grad_by_freq": False},
    )
    assert report.passed
    assert [tensor.name for tensor in report.tensors] == ["weight"]
    assert verify_gradients(lambda x, n: x**n, (np.float64(1.5), 3)).passed
    assert verify_gradients(lambda x, y: x * y, {"x": 1.5, "y": np.ones(2, np.float32)}).passed


def overwriting(x):
    return x.mul_(2.0).sum()


BAD = {
    "noise": (lambda x: F.dropout(x).sum(), X, "for the same inputs; switch off dropout"),
    "in place": (overwriting, X, "function writes into its input 'input 0'"),
    "single": (lambda x: x.float().sum(), X, "gives float32.*compute in float64"),
    "half": (lambda x: x.bfloat16().sum(), X, "compute in float64"),
    "no tensor": (lambda x: 3.0, X, "the target gives float; expected one tensor or more"),
    "whole output": (lambda x: x.argmax(-1), X, "gives torch.int64, which has no gradient"),
    "whole input": (lambda x: x.sum(), torch.arange(3), "there is no input to check"),
    "clash": (nn.Linear(4, 2), {"weight": X}, "name inputs and weights alike"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_checked_is_said_in_one_line(name):
    target, inputs, said = BAD[name]
    with pytest.raises(ConfigError, match=said):
        verify_gradients(target, inputs)
