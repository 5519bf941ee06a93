"""SNAIL's blocks: causal, as far-seeing as promised and no farther, and each its equation."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from practicum.autograd.slopes import Check
from practicum.autograd.torch_functions import assert_gradients
from practicum.config import from_json, to_json
from practicum.errors import ConfigError
from practicum.nn.initial import Normal, Rule, initialise
from practicum.nn.snail import (
    CausalLookup,
    DenseConvolution,
    Snail,
    SnailBlock,
    TemporalConvolutions,
    few_shot,
)
from practicum.seeding import stream

WIDTH, TIME = 3, 20
BLOCKS: dict[str, SnailBlock | Snail] = {
    "dense": DenseConvolution(filters=4, dilation=3),
    "convolutions": TemporalConvolutions(length=8, filters=2),
    "narrow values": CausalLookup(keys=5, values=2),
    "wide values": CausalLookup(keys=2, values=5),
    "all": Snail(
        blocks=(
            CausalLookup(keys=4, values=2),
            TemporalConvolutions(length=4, filters=2),
            CausalLookup(keys=3, values=3),
        )
    ),
}


def draw(name: str, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=stream(0, name), dtype=torch.float64)


def built(description: SnailBlock | Snail) -> nn.Module:
    layer = description.build(WIDTH).double()
    initialise(layer, (Rule(names="*", start=Normal(std=0.5)),), seed=1)
    return layer


@pytest.fixture(params=BLOCKS.values(), ids=BLOCKS.keys())
def description(request: pytest.FixtureRequest) -> SnailBlock | Snail:
    return request.param


@pytest.fixture
def x() -> Tensor:
    return draw("x", 2, TIME, WIDTH)


def reach(layer: nn.Module, x: Tensor) -> set[int]:
    """The steps, counted back from the last, that the last output depends on."""
    x = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(layer(x)[:, -1].square().sum(), x)
    seen = gradient.abs().sum(dim=(0, 2)).nonzero().flatten()
    return {x.shape[1] - 1 - step for step in seen.tolist()}


def test_a_description_goes_to_json_and_back(description):
    assert from_json(type(description), to_json(description)) == description


def test_the_input_is_kept_and_the_width_is_as_announced(description, x):
    y = built(description)(x)
    assert y.shape == (2, TIME, description.width_after(WIDTH))
    assert torch.equal(y[..., :WIDTH], x)


def test_the_future_does_not_reach_the_past(description, x):
    layer, changed = built(description), x.clone()
    changed[:, 9:] += 1.0
    torch.testing.assert_close(layer(changed)[:, :9], layer(x)[:, :9], atol=0, rtol=1e-13)
    x = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(layer(x)[:, :9].square().sum(), x)
    assert gradient[:, 9:].count_nonzero() == 0


def test_rows_do_not_matter_to_each_other(description, x):
    layer = built(description)
    torch.testing.assert_close(layer(x)[1:], layer(x[1:]))


@pytest.mark.parametrize("layers", [1, 2, 3, 4])
def test_the_receptive_field_of_the_convolutions_is_two_to_the_layers(layers, x):
    block = TemporalConvolutions(length=2**layers, filters=2)
    assert len(block.blocks) == layers
    assert reach(built(block), x) == set(range(2**layers))


@pytest.mark.parametrize(
    ("length", "layers"), [(2, 1), (3, 2), (4, 2), (5, 3), (26, 5), (2**40, 40)]
)
def test_there_are_as_many_dense_blocks_as_the_length_takes(length, layers):
    assert len(TemporalConvolutions(length=length, filters=1).blocks) == layers


def test_attention_sees_every_step_up_to_its_own(x):
    assert reach(built(CausalLookup(keys=2, values=2)), x) == set(range(TIME))


@pytest.mark.parametrize("dilation", [1, 3, 50])
def test_a_dense_block_is_two_gated_convolutions(dilation, x):
    layer = built(DenseConvolution(filters=4, dilation=dilation))
    weight, bias = layer.get_parameter("taps.weight"), layer.get_parameter("taps.bias")
    kernel = torch.stack([weight[:, :WIDTH], weight[:, WIDTH:]], dim=-1)  # earlier tap first
    padded = F.pad(x.mT, (dilation, 0))
    both = F.conv1d(padded, kernel, bias, dilation=dilation).mT
    expected = torch.cat([x, torch.tanh(both[..., :4]) * torch.sigmoid(both[..., 4:])], dim=-1)
    torch.testing.assert_close(layer(x), expected)


def test_an_attention_block_is_its_equation(x):
    layer, x = built(CausalLookup(keys=5, values=2)), x[:1, :6]
    weight, bias = layer.get_parameter("qkv.weight"), layer.get_parameter("qkv.bias")
    q, k, v = (x[0] @ weight.T + bias).split([5, 5, 2], dim=-1)
    y = layer(x)
    for t in range(6):
        powers = [torch.exp(q[t] @ k[s] / 5**0.5) for s in range(t + 1)]
        read = sum(power * v[s] for s, power in enumerate(powers)) / sum(powers)
        torch.testing.assert_close(y[0, t], torch.cat([x[0, t], read]))


def test_gradients_are_those_of_the_function(description):
    assert_gradients(built(description), draw("short", 1, 5, WIDTH), Check(by="centred", most=40))


def test_the_published_stack_has_its_widths():
    stack = few_shot(26)  # five ways, five shots
    assert stack.width_after(69) == 69 + 32 + 5 * 128 + 128 + 5 * 128 + 256
    with torch.device("meta"):
        stack.build(69)


@pytest.mark.parametrize(
    ("description", "message"),
    [
        (lambda: DenseConvolution(filters=4, dilation=0), "got 4 and 0"),
        (lambda: TemporalConvolutions(length=1, filters=4), "a length of at least 2"),
        (lambda: CausalLookup(keys=0, values=4), "got 0 and 4"),
    ],
)
def test_an_impossible_description_says_what_it_expected(description, message):
    with pytest.raises(ConfigError, match=message):
        description()
