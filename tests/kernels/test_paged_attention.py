"""Attention over blocks is attention over the tokens in their order."""

import pytest
import torch

from practicum.kernels import native
from practicum.kernels.attention import attention_reference
from practicum.kernels.paged_attention import gathered, paged_attention
from practicum.seeding import stream

LENGTHS, SIZE, BLOCKS = (5, 16, 33, 1, 12), 4, 40
WAYS = {
    "reference": lambda: native.OFF,
    "compiled": lambda: native.built("native"),
    "compiled for avx2": lambda: native.built("avx2"),
}


def pool(heads: int, width: int, name: str) -> torch.Tensor:
    return torch.randn(BLOCKS, heads, SIZE, width, generator=stream(0, name))


def tables_for(lengths: tuple[int, ...]) -> torch.Tensor:
    """Different blocks in no order for every row; what lies beyond a row's end is block 0."""
    order = torch.randperm(BLOCKS - 1, generator=stream(0, "order")) + 1
    tables = torch.zeros(len(lengths), max(-(-n // SIZE) for n in lengths), dtype=torch.int32)
    at = 0
    for row, length in enumerate(lengths):
        count = -(-length // SIZE)
        tables[row, :count] = order[at : at + count]
        at += count
    return tables


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("heads", "kv_heads"), [(4, 4), (6, 2), (3, 1)])
@pytest.mark.parametrize(("t", "window"), [(1, None), (1, 3), (1, 9), (4, None), (4, 6)])
def test_blocks_are_read_as_a_text(way: str, heads: int, kv_heads: int, t: int, window: int | None):
    lengths = tuple(n for n in LENGTHS if n >= t)
    keys, values = pool(kv_heads, 24, "k"), pool(kv_heads, 16, "v")
    q = torch.randn(len(lengths), heads, t, 24, generator=stream(0, "q"))
    tables = tables_for(lengths)
    with native.using(WAYS[way]()):
        ours = paged_attention(
            q, keys, values, tables, torch.tensor(lengths).int(), scale=0.3, window=window
        )
    assert ours.shape == (len(lengths), heads, t, 16)
    for row, length in enumerate(lengths):
        used = tables[row, : -(-length // SIZE)].long()
        k, v = (torch.cat(list(x[used].unbind()), dim=1)[None, :, :length] for x in (keys, values))
        query, key = torch.arange(length - t, length)[:, None], torch.arange(length)
        seen = (key <= query) & (key > query - (window or length))
        wanted = attention_reference(q[row : row + 1], k, v, seen[None, None], 0.3)
        torch.testing.assert_close(ours[row : row + 1], wanted, rtol=1e-5, atol=1e-5)


def test_gathered_blocks_stand_in_the_order_of_the_table():
    keys, values = pool(2, 3, "k"), pool(2, 5, "v")
    k, v = gathered(keys, values, torch.tensor([[7, 2], [2, 0]], dtype=torch.int32))
    assert k.shape == (2, 2, 2 * SIZE, 3)
    assert v.shape == (2, 2, 2 * SIZE, 5)
    assert torch.equal(k[0, :, :SIZE], keys[7])
    assert torch.equal(v[1, :, SIZE:], values[0])


@pytest.mark.parametrize("length", [0, 1, 9])
def test_rows_that_cannot_be_are_noticed(length: int):
    if native.built("native").library is None:
        pytest.skip("the plain version has no memory to overrun")
    keys, q = pool(1, 8, "k"), torch.zeros(1, 1, 2, 8)
    tables = torch.zeros(1, 2, dtype=torch.int32)
    with native.using(native.built("native")), pytest.raises(AssertionError, match="2 of them new"):
        paged_attention(q, keys, keys, tables, torch.tensor([length]).int(), scale=1.0)
