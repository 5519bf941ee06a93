"""What the recorder keeps of a computation is what torch computes, use by use."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from practicum.autograd.torch_functions import explain_gradient
from practicum.errors import ConfigError, UnknownName
from practicum.models.build import build
from practicum.models.families.gpt2 import gpt2
from practicum.seeding import stream

X = torch.randn(3, 4, generator=stream(0, "x"), dtype=torch.float64)
W = torch.randn(6, 4, generator=stream(0, "w"), dtype=torch.float64)


class Doubled(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, y):
        return 2 * x + y

    @staticmethod
    def backward(ctx, g):
        return 2 * g, g


def winding(x, w):
    """Forks, parts, writing in place, a custom function, a part without gradient."""
    hidden = F.relu(x @ w.T)
    a, b = hidden.chunk(2, -1)
    y = a * b
    y += 1000 * a
    y[0] = y[1] * 2
    with torch.no_grad():
        mean = y.mean() * 1.0
    values, _ = Doubled.apply(y, b.exp()).max(-1)
    return (y - mean).pow(2).sum() + x.T.sum() + values.sum()


def test_every_gradient_is_torchs():
    flow = explain_gradient(winding, {"x": X, "w": W})
    x, w = X.clone().requires_grad_(), W.clone().requires_grad_()
    value = winding(x, w)
    value.backward()
    np.testing.assert_allclose(flow["x"].grad, x.grad, rtol=1e-12)
    np.testing.assert_allclose(flow["w"].grad, w.grad, rtol=1e-12)
    assert float(flow.output.data) == value.item()
    assert float(flow.output.grad) == 1.0


def test_what_flows_back_through_the_uses_adds_up():
    flow = explain_gradient(winding, {"x": X, "w": W})
    assert "Doubled" in {wire.op for wire in flow.wires}
    for wire in flow.wires:
        if wire is not flow.output:
            parts = [p.gate.passed[p.place].reshape(-1) for p in flow.uses(wire)]
            if wire.op == "chunk":  # its results lie beside each other
                continue
            np.testing.assert_allclose(sum(parts), wire.grad.reshape(-1), rtol=1e-12, atol=1e-9)


def test_gates_are_called_like_operations_and_wires_like_inputs():
    flow = explain_gradient(lambda x, w: F.relu(x @ w.T).sum(), {"x": X, "w": W})
    assert [wire.label for wire in flow.wires] == ["x", "w", "T", "matmul", "relu", "sum"]
    assert [row["of"] for row in flow.rows()][:3] == ["relu", "matmul", "x, T"]
    assert {"wire", "gate", "of", "shape", "value", "gradient", "zeros"} == set(flow.rows()[0])


def test_the_path_that_carries_most_is_named():
    flow = explain_gradient(lambda x: (100 * x.sin() + x.cos()).sum(), {"x": X})
    assert [wire.label for wire in flow.strongest_path("x")] == ["x", "sin", "mul", "add", "sum"]
    assert flow.why("x").startswith("the gradient of x has size")
    assert flow.why("x").index("sin (") < flow.why("x").index("cos (")
    assert "is the output" in flow.why("sum")


def test_where_the_gradient_is_zeroed_is_told():
    flow = explain_gradient(lambda x: F.relu(x).sum(), {"x": X})
    (passage,) = flow.stopped()
    assert (passage.gate.op, passage.wire.label) == ("relu", "x")
    assert passage.stopped == pytest.approx(float((X <= 0).double().mean()))
    assert "of its entries stopped" in flow.why("x")
    dead = explain_gradient(lambda x: (F.relu(x - 100) + 1e-9 * x.detach()).sum(), {"x": X})
    assert [wire.label for wire in dead.strongest_path("x")] == ["x"]


def test_where_the_gradient_explodes_is_told():
    flow = explain_gradient(lambda x: (x.tanh() * 1e4).sum(), {"x": X})
    (passage,) = flow.exploding()
    assert passage.gate.op == "mul"
    assert passage.gain == pytest.approx(1e4)


def test_a_module_keeps_the_names_of_its_weights():
    model = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 1))
    flow = explain_gradient(lambda x: model(x).sum(), {"x": X.float()})
    assert sum(wire.label.startswith("tensor") for wire in flow.wires) == 4
    flow = explain_gradient(nn.Sequential(model, nn.Flatten(0)), X[:1].float())
    assert flow["0.0.weight"].data.shape == (3, 4)
    assert all(parameter.grad is None for parameter in model.parameters())


def test_a_decoder_is_traced_from_loss_to_embedding():
    model = build(gpt2(width=8, depth=1, heads=2, vocab=11, context=6), seed=0)
    ids = torch.tensor([[1, 5, 2, 9, 3]])
    loss = lambda: F.cross_entropy(model(ids[:, :-1])[0], ids[0, 1:])

    class Loss(nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self):
            return loss()

    flow = explain_gradient(Loss(), ())
    loss().backward()
    for name, parameter in model.named_parameters():
        found = flow[f"model.{name}"].grad
        np.testing.assert_allclose(found, parameter.grad, rtol=1e-4, atol=1e-6)
    assert flow.output.op == "cross_entropy"


def test_what_has_no_gradient_is_said_in_one_line():
    with pytest.raises(ConfigError, match=r"gives a tensor of shape \(3, 4\); a gradient needs"):
        explain_gradient(torch.tanh, X)
    with pytest.raises(ConfigError, match="gives float; a gradient needs one number"):
        explain_gradient(lambda x: 1.0, X)
    with pytest.raises(ConfigError, match="is the path cut"):
        explain_gradient(lambda x: x.detach().sum(), X)
    with pytest.raises(UnknownName, match="no wire 'tan'; did you mean tanh"):
        explain_gradient(lambda x: x.tanh().sum(), X).why("tan")
