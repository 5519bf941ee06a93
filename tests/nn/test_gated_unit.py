"""Gated units: the equations in NumPy, torch's own cell, padding, directions and contexts."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from practicum.errors import ConfigError
from practicum.nn.gated_unit import CudnnGatedUnit, GatedUnit, GatedUnitLayer
from practicum.nn.initial import Normal, Orthogonal, Rule, initialise
from practicum.seeding import stream

INPUTS, WIDTH, CONTEXT, ROWS, TIME = 5, 7, 3, 4, 6
UNITS = {
    "paper": GatedUnit(width=WIDTH),
    "paper without biases": GatedUnit(width=WIDTH, bias=False),
    "cudnn": CudnnGatedUnit(width=WIDTH),
    "cudnn without biases": CudnnGatedUnit(width=WIDTH, bias=False),
}


def built(unit: GatedUnit | CudnnGatedUnit, context: int = CONTEXT) -> GatedUnitLayer:
    layer = unit.build(INPUTS, context).double()
    initialise(layer, (Rule(names="*", start=Normal(std=0.6)),), seed=1)
    return layer


@pytest.fixture(params=UNITS.values(), ids=UNITS.keys())
def layer(request: pytest.FixtureRequest) -> GatedUnitLayer:
    return built(request.param)


def draw(name: str, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=stream(0, name), dtype=torch.float64)


@pytest.fixture
def x() -> Tensor:
    return draw("x", ROWS, TIME, INPUTS)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize("bias", [True, False])
def test_a_step_is_the_equations_of_the_paper(bias: bool):
    layer = built(GatedUnit(width=WIDTH, bias=bias))
    e, s, c = draw("e", INPUTS), draw("s", WIDTH), draw("c", CONTEXT)
    ours = layer.step(layer.project(e[None]), s[None], c[None])[0].detach().numpy()
    w_r, w_z, w = layer.input.weight.detach().numpy().reshape(3, WIDTH, INPUTS)
    b_r, b_z, b = np.zeros((3, WIDTH))
    if layer.input.bias is not None:
        b_r, b_z, b = layer.input.bias.detach().numpy().reshape(3, WIDTH)
    assert layer.context is not None
    c_r, c_z, c_ = layer.context.weight.detach().numpy().reshape(3, WIDTH, CONTEXT)
    u_r, u_z, u = (
        part.weight.detach().numpy() for part in (layer.reset, layer.update, layer.candidate)
    )
    e, s, c = e.numpy(), s.numpy(), c.numpy()
    r = sigmoid(w_r @ e + u_r @ s + c_r @ c + b_r)
    z = sigmoid(w_z @ e + u_z @ s + c_z @ c + b_z)
    new = np.tanh(w @ e + u @ (r * s) + c_ @ c + b)
    np.testing.assert_allclose(ours, (1 - z) * s + z * new, rtol=1e-12)


@pytest.mark.parametrize("bias", [True, False])
def test_the_cudnn_unit_is_the_one_of_torch(x: Tensor, bias: bool):
    layer = built(CudnnGatedUnit(width=WIDTH, bias=bias), context=0)
    theirs = nn.GRU(INPUTS, WIDTH, bias=bias, batch_first=True).double()
    recurrent = (layer.reset, layer.update, layer.candidate)
    with torch.no_grad():
        theirs.weight_ih_l0.copy_(layer.input.weight)
        theirs.weight_hh_l0.copy_(torch.cat([part.weight for part in recurrent]))
        if bias:
            theirs.bias_ih_l0.copy_(layer.input.bias)
            theirs.bias_hh_l0.copy_(torch.cat([part.bias for part in recurrent]))
    start = draw("start", ROWS, WIDTH)
    torch.testing.assert_close(layer(layer.project(x), start), theirs(x, start[None])[0])


def test_the_two_units_differ(x: Tensor):
    ours, other = (
        built(GatedUnit(width=WIDTH, bias=False)),
        built(CudnnGatedUnit(width=WIDTH, bias=False)),
    )
    other.load_state_dict(ours.state_dict())
    difference = ours(ours.project(x)) - other(other.project(x))
    assert difference.abs().max() > 0.1


def test_stepping_equals_reading_at_once(layer, x):
    projected = layer.project(x)
    whole = layer(projected)
    state = torch.zeros(ROWS, WIDTH, dtype=torch.float64)
    for t in range(TIME):
        state = layer.step(projected[:, t], state)
        torch.testing.assert_close(state, whole[:, t])
    halves = layer(projected[:, 3:], whole[:, 2])
    torch.testing.assert_close(halves, whole[:, 3:])


def test_reading_backwards_is_reading_the_reversed_row(layer, x):
    projected = layer.project(x)
    torch.testing.assert_close(layer(projected, backwards=True), layer(projected.flip(1)).flip(1))


@pytest.mark.parametrize("backwards", [False, True])
def test_padding_does_not_matter(layer, x, backwards):
    lengths = [6, 2, 1, 4]
    real = torch.arange(TIME) < torch.tensor(lengths)[:, None]
    padded = x.masked_fill(~real[:, :, None], 9.0)
    states = layer(layer.project(padded), real=real, backwards=backwards)
    for row, length in enumerate(lengths):
        alone = layer(layer.project(x[row : row + 1, :length]), backwards=backwards)
        torch.testing.assert_close(states[row : row + 1, :length], alone)
        if not backwards:  # after its end a row keeps what it had
            torch.testing.assert_close(states[row, -1], alone[0, -1])


def test_rows_do_not_matter_to_each_other(layer, x):
    projected = layer.project(x)
    torch.testing.assert_close(layer(projected)[1:2], layer(projected[1:2]))


def test_a_context_may_come_at_once_or_step_by_step(layer, x):
    constant = draw("constant", ROWS, 1, CONTEXT)
    at_once = layer(layer.project(x, constant))
    assert (at_once - layer(layer.project(x))).abs().max() > 0.05
    torch.testing.assert_close(
        at_once, layer(layer.project(x, constant.expand(ROWS, TIME, CONTEXT)))
    )
    state, projected = torch.zeros(ROWS, WIDTH, dtype=torch.float64), layer.project(x)
    for t in range(TIME):
        state = layer.step(projected[:, t], state, constant[:, 0])
    torch.testing.assert_close(state, at_once[:, -1])


def test_gradients_are_those_of_the_function(layer, x):
    small = x[:2, :3].clone().requires_grad_()
    real = torch.tensor([[True, True, True], [True, False, False]])
    assert torch.autograd.gradcheck(lambda e: layer(layer.project(e), real=real), (small,))


def test_each_recurrent_matrix_can_start_orthogonal():
    layer = GatedUnit(width=WIDTH).build(INPUTS)
    rules = (
        Rule(names="input.*", start=Normal(std=0.01)),
        Rule(names="*.weight", start=Orthogonal()),
    )
    initialise(layer, rules, seed=0)
    for part in (layer.reset, layer.update, layer.candidate):
        torch.testing.assert_close(part.weight @ part.weight.T, torch.eye(WIDTH))


def test_the_unit_of_the_paper_has_three_of_each_matrix_and_one_bias():
    n, m = 1000, 620
    with torch.device("meta"):
        layer = GatedUnit(width=n).build(m, context=2 * n)
    assert sum(p.numel() for p in layer.parameters()) == 3 * (n * m + n * n + n * 2 * n + n)


def test_a_width_of_nothing_is_refused():
    with pytest.raises(ConfigError, match="CudnnGatedUnit.width is 0; expected at least 1"):
        CudnnGatedUnit(width=0)
