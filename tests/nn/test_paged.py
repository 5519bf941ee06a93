"""Attention over blocks is attention, wherever the blocks lie and whoever shares them."""

import pytest
import torch

from practicum.nn.attention import Attention
from practicum.nn.paged import NOBODY, PagedCache, Paging, Step, empty_pool
from practicum.nn.positions import Rope
from practicum.nn.relative import Slopes
from practicum.seeding import stream

SIZE = 4
MIXERS = {
    "multi-head": Attention(heads=4),
    "grouped": Attention(heads=4, kv_heads=2, positions=Rope()),
    "other widths": Attention(heads=2, head_width=6, value_width=10, bias=True),
    "slopes": Attention(heads=4, relative=Slopes()),
    "capped": Attention(heads=4, kv_heads=1, cap=2.0),
}


@pytest.fixture(params=MIXERS)
def layer(request):
    layer = MIXERS[request.param].build(16).double()
    generator = stream(0, "weights")
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) / 3)
    return layer


@pytest.fixture
def pool(layer):
    widths = (layer.head_width, layer.value_width)
    return empty_pool(12, SIZE, layer.kv_heads, widths, device="cpu", dtype=torch.float64)


def _read(layer, pool, tables, lengths, x, counts=None):
    state = PagedCache(pool, Paging(tables, lengths, SIZE, x.shape[1], x.device))
    if counts is not None:
        state.expect(counts)
    with torch.inference_mode():
        return layer(x, state), state.lengths


@torch.no_grad()
def test_pieces_of_any_length_in_scattered_blocks_are_the_whole_text(layer, pool):
    x = torch.randn(2, 11, 16, generator=stream(1, "x"), dtype=torch.float64)
    tables = [[5, 2, 9], [1, 11, 3]]
    parts, at = [], 0
    for size in (3, 1, 5, 1, 1):
        made, lengths = _read(layer, pool, tables, [at, at], x[:, at : at + size])
        parts.append(made)
        at += size
        assert lengths == [at, at]
    torch.testing.assert_close(torch.cat(parts, 1), layer(x))


@torch.no_grad()
def test_rows_of_unequal_length_are_padded_and_step_together(layer, pool):
    x = torch.randn(2, 9, 16, generator=stream(2, "x"), dtype=torch.float64)
    tables = [[4, 6, 7], [8, 10]]
    first, lengths = _read(layer, pool, tables, [0, 0], x[:, :7], [7, 3])
    assert lengths == [7, 3]
    step = torch.stack([x[0, 7:8], x[1, 3:4]])
    second, _ = _read(layer, pool, tables, lengths, step)
    whole = layer(x)
    torch.testing.assert_close(first[0], whole[0, :7])
    torch.testing.assert_close(first[1, :3], whole[1, :3])
    torch.testing.assert_close(second[:, 0], torch.stack([whole[0, 7], whole[1, 3]]))


@torch.no_grad()
def test_a_shared_beginning_serves_both_rows(layer, pool):
    x = torch.randn(1, 10, 16, generator=stream(3, "x"), dtype=torch.float64)
    _read(layer, pool, [[3, 1]], [0], x[:, :8])
    other = torch.cat([x, torch.randn(1, 10, 16, generator=stream(4, "x")).double()])
    made, _ = _read(layer, pool, [[3, 1, 5], [3, 1, 6]], [8, 8], other[:, 8:])
    both = torch.stack([x[0], torch.cat([x[0, :8], other[1, 8:]])])
    torch.testing.assert_close(made, layer(both)[:, 8:])


@torch.no_grad()
def test_a_step_told_by_tensors_alone_is_a_read_of_one_token(layer, pool):
    x = torch.randn(2, 8, 16, generator=stream(6, "x"), dtype=torch.float64)
    tables, lengths = [[4, 6], [8, 10]], [7, 3]
    _read(layer, pool, tables, [0, 0], x[:, :7], lengths)
    before = [pool.keys.clone(), pool.values.clone()]
    wanted, _ = _read(layer, pool, tables, lengths, x[:, 7:])
    after = [pool.keys[1:].clone(), pool.values[1:].clone()]
    pool.keys.copy_(before[0])
    pool.values.copy_(before[1])
    padded = torch.tensor([*tables, [NOBODY, NOBODY]], dtype=torch.int32)
    step = Step([pool], padded, torch.tensor([*lengths, 0], dtype=torch.int32), reach=8)
    made = layer(torch.cat([x[:, 7:], x[:1, :1]]), step.of_block(0))
    torch.testing.assert_close(made[:2], wanted)
    torch.testing.assert_close([pool.keys[1:], pool.values[1:]], after)


def test_padding_is_written_to_nobodys_block(layer, pool):
    x = torch.randn(2, 6, 16, generator=stream(5, "x"), dtype=torch.float64)
    _read(layer, pool, [[2, 3], [7]], [0, 0], x, [6, 2])
    written = pool.keys.abs().sum((1, 2, 3)).nonzero().flatten().tolist()
    assert written == [0, 2, 3, 7]
    pool.clear([2, 3, 7])
    assert pool.keys[1:].abs().sum() == 0


def test_rows_are_chosen_by_the_owner_of_the_tables(pool):
    state = PagedCache(pool, Paging([[1]], [0], SIZE, 1, torch.device("cpu")))
    with pytest.raises(NotImplementedError):
        state.select([0])
    assert state.nbytes == pool.nbytes
