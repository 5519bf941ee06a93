"""Mamba's mixer: its equation token by token, and what it keeps. Laws are in test_mixer_laws."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from practicum.errors import ConfigError, ModelError
from practicum.nn.initial import Normal, Rule, initialise
from practicum.nn.selective import Selective, SelectiveLayer
from practicum.nn.state import BothWays, Packed, Whole
from practicum.seeding import stream

WIDTH, ROWS, TIME = 12, 3, 11
MIXERS = {
    "selective": Selective(),
    "odd sizes": Selective(state=3, convolution=2, expand=1.5, rank=5),
    "no past inputs": Selective(state=1, convolution=1, expand=1),
    "constant": Selective(state=5, selective=False),
    "no gate": Selective(state=4, gated=False),
    "constant, no gate": Selective(state=4, expand=0.5, selective=False, gated=False),
}


@pytest.fixture(params=MIXERS.values(), ids=MIXERS.keys())
def layer(request: pytest.FixtureRequest) -> SelectiveLayer:
    module = request.param.build(WIDTH).double()
    initialise(module, (Rule(names="*", start=Normal(std=0.4)),), seed=1)
    return module.eval()


@pytest.fixture
def x() -> Tensor:
    return torch.randn(ROWS, TIME, WIDTH, generator=stream(0, "x"), dtype=torch.float64)


def test_it_is_the_equation_token_by_token(layer, x):
    given, channels = layer.description, layer.skip.shape[0]
    entered = x @ layer.enter.weight.T
    u, z = entered[..., :channels], entered[..., channels:]
    h = torch.zeros(ROWS, channels, given.state, dtype=torch.float64)
    for t in range(TIME):
        v = layer.convolution_bias.expand(ROWS, -1)
        for back in range(min(given.convolution, t + 1)):
            v = v + layer.convolution_weight[:, -1 - back] * u[:, t - back]
        v = F.silu(v)
        delta, b, c = layer.step_bias, None, None
        if given.selective:
            rank = given.step_rank(WIDTH)
            low, b, c = (v @ layer.select.weight.T).split([rank, given.state, given.state], dim=1)
            delta, b, c = delta + low @ layer.step.weight.T, b[:, None], c[:, None]
        else:
            b, c = layer.write, layer.read
        delta = F.softplus(delta).expand(ROWS, -1)[..., None]
        h = torch.exp(-delta * layer.log_rates.exp()) * h + delta * b * v[..., None]
        y = (h * c).sum(-1) + layer.skip * v
        y = y * F.silu(z[:, t]) if given.gated else y
        torch.testing.assert_close(layer(x)[:, t], y @ layer.out.weight.T)


def test_every_parameter_is_learned(layer, x):
    layer(x).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in layer.parameters())


def test_a_row_of_one_document_is_read_and_learned_from_like_any_other(layer, x):
    document = torch.zeros(ROWS, TIME, dtype=torch.long)
    found = []
    for reading in (Whole(), Packed(document)):  # constant coefficients: convolved, and scanned
        y = layer(x, reading)
        found.append((y, *torch.autograd.grad(y.square().sum(), tuple(layer.parameters()))))
    torch.testing.assert_close(*found)


@torch.no_grad()
def test_what_is_kept_and_how_far_it_decays_is_computed_in_float32():
    layer = Selective(state=4).build(WIDTH)
    initialise(layer, (Rule(names="*", start=Normal(std=0.4)),), seed=1)
    x = torch.randn(ROWS, 40, WIDTH, generator=stream(0, "x"))
    expected = layer(x)
    half, state = layer.bfloat16(), layer.new_state(ROWS, 40)
    assert {value.dtype for value in state.kept.values()} == {torch.float32}
    steps = torch.cat([half(x[:, t : t + 1].bfloat16(), state) for t in range(40)], dim=1)
    assert {value.dtype for value in state.kept.values()} == {torch.float32}
    assert steps.dtype == torch.bfloat16
    # bfloat16 keeps 8 bits: 0.4 % of each number that is rounded, and several are on the way
    assert (steps.float() - expected).std() < 0.02 * expected.std()
    assert (half(x.bfloat16()).float() - expected).std() < 0.02 * expected.std()


def test_it_does_not_look_both_ways(layer, x):
    with pytest.raises(ModelError, match="cannot look both ways"):
        layer(x, BothWays())


def test_sizes_follow_from_the_width():
    assert Selective().step_rank(768) == 48
    assert Selective().step_rank(33) == 3
    assert Selective(expand=2.5).channels(32) == 80


def test_sizes_that_make_no_sense_are_refused():
    with pytest.raises(ConfigError, match="a state of 0"):
        Selective(state=0)
    with pytest.raises(ConfigError, match="rank 0"):
        Selective(rank=0)
    with pytest.raises(ConfigError, match=r"makes 15\.6 channels; expected a whole number"):
        Selective(expand=1.3).build(WIDTH)
