"""Mamba's mixer: the laws of every mixer, its equation token by token, and what it keeps."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from practicum.errors import ConfigError, ModelError
from practicum.nn.initial import Normal, Rule, initialise
from practicum.nn.selective import Selective, SelectiveLayer
from practicum.nn.state import BothWays, Packed
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


def in_parts(layer: nn.Module, x: Tensor, sizes: list[int]) -> Tensor:
    state = layer.new_state(x.shape[0], 32)
    return torch.cat([layer(part, state) for part in x.split(sizes, dim=1)], dim=1)


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


def test_the_future_does_not_reach_the_past(layer, x):
    changed = x.clone()
    changed[:, 5:] += 1.0
    torch.testing.assert_close(layer(x)[:, :5], layer(changed)[:, :5])


@pytest.mark.parametrize("sizes", [[1] * TIME, [11], [4, 7], [1, 5, 1, 4], [9, 1, 1]])
def test_steps_and_chunks_equal_reading_at_once(layer, x, sizes):
    torch.testing.assert_close(in_parts(layer, x, sizes), layer(x))


def test_rows_do_not_matter_to_each_other(layer, x):
    torch.testing.assert_close(layer(x)[1:2], layer(x[1:2]))


@pytest.mark.parametrize("lengths", [[3, 7, 5], [1, 0, 1]])
def test_padding_does_not_matter(layer, x, lengths):
    longest = max(lengths)
    state, padded = layer.new_state(ROWS, 32), x[:, :longest].clone()
    for row, length in enumerate(lengths):
        padded[row, length:] = 9.0
    state.expect(lengths)
    read, whole = layer(padded, state), layer(x)
    for row, length in enumerate(lengths):
        torch.testing.assert_close(read[row, :length], whole[row, :length])
    following = torch.stack([x[row, n : n + 3] for row, n in enumerate(lengths)])
    expected = torch.stack([whole[row, n : n + 3] for row, n in enumerate(lengths)])
    torch.testing.assert_close(layer(following, state), expected)
    assert state.lengths == [n + 3 for n in lengths]


def test_selecting_rows_commutes_with_stepping(layer, x):
    state = layer.new_state(ROWS, 32)
    layer(x[:, :6], state)
    state.select([2, 0, 2])
    torch.testing.assert_close(layer(x[[2, 0, 2], 6:], state), layer(x)[[2, 0, 2], 6:])


def test_a_snapshot_brings_the_past_back(layer, x):
    state = layer.new_state(ROWS, 32)
    layer(x[:, :6], state)
    before = state.snapshot()
    layer(x[:, 6:7].neg(), state)
    layer(x[:, 6:].flip(1), state)
    state.restore(before)
    torch.testing.assert_close(layer(x[:, 6:], state), layer(x)[:, 6:])


def test_packed_documents_do_not_see_each_other(layer, x):
    segments = torch.tensor([[0] * 4 + [1] * 7, [0] * 11, [0] * 1 + [1] * 1 + [2] * 9])
    packed = layer(x, Packed(segments))
    for row in range(ROWS):
        for number in segments[row].unique():
            inside = segments[row] == number
            alone = layer(x[row : row + 1, inside])
            torch.testing.assert_close(packed[row : row + 1, inside], alone)


def test_gradients_are_those_of_the_function(layer, x):
    small = x[:1, :4].clone().requires_grad_()
    assert torch.autograd.gradcheck(layer, (small,))
    layer(x).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in layer.parameters())


def test_the_state_has_one_size_for_texts_of_any_length(layer, x):
    state = layer.new_state(ROWS, 4)
    size = state.nbytes
    for _ in range(3):
        layer(x, state)
    assert state.nbytes == size == layer.to("meta").new_state(ROWS, 10**6).nbytes
    assert state.lengths == [3 * TIME] * ROWS


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
