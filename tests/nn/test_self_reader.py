"""A sequence that reads itself; that it is a mixer like others is in `test_mixer_laws`."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from practicum.config import from_json, to_json
from practicum.errors import ConfigError
from practicum.nn.alignment import Gumbel, LocalMonotonic, LocalPredictive, StraightThrough
from practicum.nn.initial import Normal, Rule, initialise
from practicum.nn.reader import Reader
from practicum.nn.scores import Additive, Location, ScaledDot
from practicum.nn.self_reader import SelfReader, SelfReaderLayer
from practicum.nn.state import BothWays
from practicum.seeding import stream

ADDITIVE = SelfReader(reader=Reader(score=Additive(hidden=6)))


def built(description: SelfReader) -> SelfReaderLayer:
    layer = description.build(5).double()
    initialise(layer, (Rule(names="*", start=Normal(std=0.5)),), seed=1)
    return layer


@pytest.fixture
def x() -> Tensor:
    return torch.randn(2, 4, 5, generator=stream(0, "x"), dtype=torch.float64)


def test_the_description_goes_to_json_and_back():
    assert from_json(SelfReader, to_json(ADDITIVE)) == ADDITIVE


def test_every_token_reads_those_up_to_itself_as_the_equation_says(x):
    layer = built(ADDITIVE)
    weights, y = dict(layer.named_parameters()), layer(x)
    inner = lambda name: weights[f"reader.score.{name}.weight"]
    for b in range(2):
        for t in range(4):
            q = weights["query.weight"] @ x[b, t]
            scores = [
                inner("out")[0] @ torch.tanh(inner("query") @ q + inner("memory") @ h)
                for h in x[b, : t + 1]
            ]
            mixed = torch.stack(scores).softmax(0) @ x[b, : t + 1]
            torch.testing.assert_close(y[b, t], weights["out.weight"] @ mixed)


def test_scaled_products_are_those_of_torch_both_ways(x):
    layer = built(SelfReader(reader=Reader(score=ScaledDot())))
    real = torch.tensor([[True] * 4, [True, True, True, False]])
    theirs = F.scaled_dot_product_attention(layer.query(x), x, x, attn_mask=real[:, None])
    torch.testing.assert_close(layer(x, BothWays(real)), layer.out(theirs))


def test_a_window_that_is_predicted_lies_within_what_is_seen(x):
    predicted = LocalPredictive(hidden=3, reach=1)
    layer = built(SelfReader(reader=Reader(score=ScaledDot(), align=predicted)))
    changed = x.clone()
    changed[:, 2:] += 1.0
    torch.testing.assert_close(layer(x)[:, :2], layer(changed)[:, :2])


def test_a_choice_has_a_slope(x):
    layer = built(SelfReader(reader=Reader(score=ScaledDot(), align=StraightThrough())))
    layer(x).square().sum().backward()
    for parameter in (layer.query.weight, layer.out.weight):
        assert parameter.grad is not None
        assert parameter.grad.count_nonzero() > 0


@pytest.mark.parametrize(
    ("reader", "window", "message"),
    [
        (Reader(score=Location()), None, "cannot score by Location"),
        (Reader(score=ScaledDot(), align=LocalMonotonic()), None, "align by LocalMonotonic"),
        (Reader(score=ScaledDot(), align=Gumbel()), None, "align by Gumbel"),
        (Reader(score=ScaledDot()), 0, "window is 0"),
    ],
)
def test_what_a_sequence_cannot_do_is_said_in_one_line(reader, window, message):
    with pytest.raises(ConfigError, match=message):
        SelfReader(reader=reader, window=window)
