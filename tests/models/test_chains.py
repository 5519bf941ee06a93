"""Chains and paths are counted as one counts them by hand, and grow as Table 1 says."""

import math

import pytest
import torch
from torch import Tensor, nn

from practicum.errors import ConfigError, ModelError
from practicum.models.build import build
from practicum.models.chains import longest_chain, operations, shortest_path
from practicum.models.complexity import (
    Convolution,
    Recurrent,
    Restricted,
    SelfAttention,
    cheaper_below,
)
from practicum.models.families.transformer import transformer
from practicum.nn.attention import Attention
from practicum.nn.gated_unit import CudnnGatedUnit
from practicum.nn.state import BothWays

WIDTH = 16


def test_a_chain_is_the_longest_way_and_a_path_the_shortest():
    x = torch.ones((), requires_grad=True)
    y = torch.ones((), requires_grad=True)
    output = x.exp().exp().exp() + y * x
    assert longest_chain(output) == 4
    assert shortest_path(output, x) == 2
    assert shortest_path(output, torch.ones((), requires_grad=True)) is None


def test_what_was_computed_without_gradients_has_no_chain():
    with pytest.raises(ModelError, match="no graph"):
        longest_chain(torch.ones(2) * 2)


def attention(n: int) -> tuple[Tensor, list[Tensor]]:
    layer = Attention(heads=2).build(WIDTH).to("meta")
    return read(n, lambda x: layer(x, BothWays()))


def recurrence(n: int) -> tuple[Tensor, list[Tensor]]:
    layer = CudnnGatedUnit(width=WIDTH).build(WIDTH).to("meta")
    return read(n, lambda x: layer(layer.project(x)))


def states(n: int) -> tuple[Tensor, list[Tensor]]:
    """The same, place by place: the graph of one tensor of all places would join them."""
    layer = CudnnGatedUnit(width=WIDTH).build(WIDTH).to("meta")
    _, places = read(n, lambda x: x)
    state = torch.zeros(1, WIDTH, device="meta")
    for place in places:
        state = layer.step(layer.project(place[None]), state)
    return state[:, None], places


def convolutions(n: int) -> tuple[Tensor, list[Tensor]]:
    """Kernel 3, each layer three times as wide apart, as deep as the row needs."""
    depth = max(1, math.ceil(math.log(n, 3)))
    layers = [
        nn.Conv1d(WIDTH, WIDTH, 3, dilation=3**i, padding=3**i, device="meta") for i in range(depth)
    ]
    return read(n, lambda x: nn.Sequential(*layers)(x.mT).mT)


def restricted(n: int) -> tuple[Tensor, list[Tensor]]:
    """Each place sees four to either side, in as many layers as the row needs."""
    layer = Attention(heads=2, window=5).build(WIDTH).to("meta")

    def deep(x: Tensor) -> Tensor:
        for _ in range(math.ceil((n - 1) / 4)):
            x = layer(x, BothWays())
        return x

    return read(n, deep)


def read(n, layer) -> tuple[Tensor, list[Tensor]]:
    places = [torch.empty(WIDTH, device="meta", requires_grad=True) for _ in range(n)]
    return layer(torch.stack(places)[None]), places


def path(make, n: int) -> int:
    """Operations from the first place of a row of n to the last."""
    output, places = make(n)
    found = shortest_path(output[:, -1], places[0])
    assert found is not None
    return found


def test_attention_waits_for_nothing_and_recurrence_for_every_place():
    assert longest_chain(attention(64)[0]) == longest_chain(attention(8)[0])
    chains = [longest_chain(recurrence(n)[0]) for n in (8, 16, 24)]
    assert chains[2] - chains[1] == chains[1] - chains[0] > 8


def test_paths_grow_as_the_table_says():
    assert path(attention, 81) == path(attention, 9)
    steps = [path(states, n) for n in (9, 18, 27)]
    assert steps[2] - steps[1] == steps[1] - steps[0] >= 9
    layers = [path(convolutions, n) for n in (9, 27, 81)]
    assert layers[2] - layers[1] == layers[1] - layers[0]
    layers = [path(restricted, n) for n in (9, 17, 33)]
    assert layers[2] - layers[1] == 2 * (layers[1] - layers[0])


def flops(make, n: int) -> int:
    return operations(lambda: make(n))[1]


def test_operations_of_a_layer_grow_as_the_table_says():
    projections = 2 * 4 * WIDTH * WIDTH
    for n in (8, 64):
        mixing = flops(attention, n) - n * projections
        assert mixing == 2 * 2 * SelfAttention().operations(n, WIDTH)  # scores and mixture
        # W and U of three gates, each a multiplication and an addition
        assert flops(recurrence, n) == 2 * 6 * Recurrent().operations(n, WIDTH)
    one = nn.Conv1d(WIDTH, WIDTH, 3, padding=1, device="meta")
    counted = operations(lambda: read(9, lambda x: one(x.mT)))[1]
    assert counted == 2 * Convolution(kernel=3).operations(9, WIDTH)


def test_a_transformers_chain_does_not_grow_and_its_products_are_counted():
    model = build(transformer(width=16, depth=2, heads=2, vocab=30, context=100), device="meta")
    chains: list[int] = []
    counted: list[int] = []
    for n in (5, 10, 80):
        ids = torch.zeros(2, n, dtype=torch.long, device="meta")
        scores, products = operations(lambda ids=ids: model(ids, ids))
        chains.append(longest_chain(scores))
        counted.append(products)
    assert chains[0] == chains[1] == chains[2]
    weights = 2 * (4 + 8) * 16 * 16 + 2 * (8 + 8) * 16 * 16 + 30 * 16
    for n, products in zip((5, 10, 80), counted, strict=True):
        assert products == 2 * (2 * n * weights + 3 * 2 * 2 * 2 * n * n * 16)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (SelfAttention(), (100.0 * 100 * 64, 1, 1)),
        (Recurrent(), (100 * 64 * 64, 100, 100)),
        (Convolution(kernel=10), (10 * 100 * 64 * 64, 1, 2)),
        (Convolution(kernel=10, separable=True), (10 * 100 * 64 + 100 * 64 * 64, 1, 2)),
        (Restricted(reach=20), (20 * 100 * 64, 1, 5)),
    ],
)
def test_the_rows_of_table_1(row, expected):
    found = (row.operations(100, 64), row.sequential(100), row.path(100))
    assert found == pytest.approx(expected)


def test_attention_is_cheaper_where_rows_are_shorter_than_wide():
    n = cheaper_below(64)
    assert SelfAttention().operations(n, 64) == Recurrent().operations(n, 64)


def test_kernels_and_reaches_that_make_no_sense_are_refused():
    with pytest.raises(ConfigError, match="kernel is 1"):
        Convolution(kernel=1)
    with pytest.raises(ConfigError, match="reach is 0"):
        Restricted(reach=0)
