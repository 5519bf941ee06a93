"""A Turing machine's head as a reader: its equations, one query after the other."""

import pytest
import torch
from torch import Tensor

from practicum.autograd.slopes import Check
from practicum.autograd.torch_functions import assert_gradients
from practicum.config import from_json, to_json
from practicum.errors import ConfigError
from practicum.kernels.memory_addressing import address, controls, read_rows
from practicum.nn.initial import Normal, Rule, initialise
from practicum.nn.memory_head import MemoryHead, MemoryHeadLayer
from practicum.seeding import stream

ROWS, TIME, SLOTS, QUERY, WIDTH = 2, 4, 6, 7, 5


def draw(name: str, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=stream(0, name), dtype=torch.float64)


def built(reach: int = 1) -> MemoryHeadLayer:
    layer = MemoryHead(reach=reach).build(QUERY, WIDTH).double()
    initialise(layer, (Rule(names="*", start=Normal(std=0.7)),), seed=1)
    return layer


def test_the_description_goes_to_json_and_back():
    assert from_json(MemoryHead, to_json(MemoryHead(reach=2))) == MemoryHead(reach=2)


@pytest.mark.parametrize("reach", [0, 1, 2])
def test_every_query_moves_the_head_from_where_the_one_before_left_it(reach):
    layer, queries, memory = (
        built(reach),
        draw("q", ROWS, TIME, QUERY),
        draw("m", ROWS, SLOTS, WIDTH),
    )
    read = layer(queries, memory)
    at = torch.full((ROWS, SLOTS), 1 / SLOTS, dtype=torch.float64)
    for t in range(TIME):
        raw = torch.cat([layer.key(queries[:, t]), layer.move(queries[:, t])], dim=1)
        at = address(controls(raw, WIDTH, reach), memory, at)
        torch.testing.assert_close(read.aligned.weights[:, t], at)
        torch.testing.assert_close(read.vectors[:, t], read_rows(at, memory))


def test_reading_in_two_goes_is_reading_at_once():
    layer, queries, memory = built(), draw("q", ROWS, TIME, QUERY), draw("m", ROWS, SLOTS, WIDTH)
    whole, first = layer(queries, memory), layer(queries[:, :2], memory)
    second = layer(queries[:, 2:], memory, before=first.aligned.weights[:, -1])
    torch.testing.assert_close(second.vectors, whole.vectors[:, 2:])


def test_turning_the_memory_turns_the_weights():
    layer, queries, memory = built(), draw("q", ROWS, TIME, QUERY), draw("m", ROWS, SLOTS, WIDTH)
    turned = layer(queries, memory.roll(2, 1)).aligned.weights
    torch.testing.assert_close(turned, layer(queries, memory).aligned.weights.roll(2, 2))


def test_gradients_are_those_of_the_function():
    layer, memory = built(), draw("m", ROWS, 3, WIDTH)
    function = lambda q, memory: layer(q, memory).vectors
    assert_gradients(function, (draw("q", ROWS, 2, QUERY), memory), Check(by="centred"))


def test_a_negative_reach_is_refused():
    with pytest.raises(ConfigError, match="reach is -1"):
        MemoryHead(reach=-1)
