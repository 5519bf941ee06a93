"""A ring of a window's tokens is the full cache with the window as a mask, in bounded memory."""

import pytest
import torch

from practicum.errors import ModelError
from practicum.nn.attention import Attention
from practicum.nn.cache import SLACK, KeyValueCache, RingCache
from practicum.nn.initial import Normal, Rule, initialise
from practicum.nn.positions import Rope
from practicum.nn.relative import Slopes
from practicum.seeding import stream

WIDTH, ROWS, TIME = 12, 3, 150
MIXERS = {
    "window": Attention(heads=2, window=5, positions=Rope()),
    "window and first": Attention(heads=2, kv_heads=1, window=4, first=3, positions=Rope()),
    "window and slopes": Attention(heads=2, window=7, relative=Slopes()),
    "window of one": Attention(heads=2, window=1),
    "wide window": Attention(heads=2, window=60, positions=Rope()),
    "capped window": Attention(heads=2, window=6, cap=0.5),
}


@pytest.fixture(params=MIXERS.values(), ids=MIXERS.keys())
def layer(request):
    module = request.param.build(WIDTH).double()
    initialise(module, (Rule(names="*", start=Normal(std=0.4)),), seed=1)
    return module.eval()


@pytest.fixture
def x():
    return torch.randn(ROWS, TIME, WIDTH, generator=stream(0, "x"), dtype=torch.float64)


def ring(layer):
    state = layer.new_state(ROWS, 1000)
    assert isinstance(state, RingCache)
    return state


@pytest.mark.parametrize(
    "sizes", [[1] * TIME, [TIME], [40, 1, 1, 33, 34, 41], [33] * 4 + [18], [2, 100, 48]]
)
def test_any_chunks_through_a_ring_are_the_text_read_at_once(layer, x, sizes):
    state = ring(layer)
    parts = [layer(part, state) for part in x.split(sizes, dim=1)]
    torch.testing.assert_close(torch.cat(parts, dim=1), layer(x))
    assert state.lengths == [TIME] * ROWS


@pytest.mark.parametrize("chunk", [7, 50])
def test_padding_takes_no_slot(layer, x, chunk):
    state, lengths, whole = ring(layer), [3, 120, 71], layer(x)
    for start in range(0, 120, chunk):
        part = x[:, start : start + chunk].clone()
        counts = [min(max(n - start, 0), part.shape[1]) for n in lengths]
        for row, count in enumerate(counts):
            part[row, count:] = 50.0
        state.expect(counts)
        assert torch.isfinite(layer(part, state)).all()
    assert state.lengths == lengths
    following = torch.stack([x[row, n : n + 30] for row, n in enumerate(lengths)])
    expected = torch.stack([whole[row, n : n + 30] for row, n in enumerate(lengths)])
    torch.testing.assert_close(layer(following, state), expected)


@pytest.mark.parametrize("then", [1, SLACK, SLACK + 40])
def test_what_was_tried_can_be_forgotten(layer, x, then):
    state = ring(layer)
    layer(x[:, :90], state)
    before = state.snapshot()
    layer(x[:, 50 : 50 + SLACK], state)
    state.restore(before)
    torch.testing.assert_close(layer(x[:, 90 : 90 + then], state), layer(x)[:, 90 : 90 + then])


def test_more_than_the_slack_cannot_be_forgotten(layer, x):
    state = ring(layer)
    layer(x, state)
    with pytest.raises(ModelError, match="cannot go back"):
        state.truncate([TIME - SLACK - 1] * ROWS)


def test_selecting_rows_commutes_with_stepping(layer, x):
    state = ring(layer)
    layer(x[:, :70], state)
    state.select([2, 0, 2])
    torch.testing.assert_close(layer(x[[2, 0, 2], 70:], state), layer(x)[[2, 0, 2], 70:])


def test_a_ring_does_not_grow(layer):
    short, long = layer.new_state(1, 1000).nbytes, layer.new_state(1, 100_000).nbytes
    assert short == long
    description = layer.description
    slots = description.first + description.window + SLACK
    assert long == slots * layer.kv_heads * 2 * layer.head_width * 8


def test_a_short_text_needs_no_ring(layer):
    assert isinstance(layer.new_state(1, 20), KeyValueCache)
