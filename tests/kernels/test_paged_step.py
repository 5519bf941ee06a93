"""A decoding step over blocks is its parts: turned, written, read."""

import pytest
import torch

from practicum.kernels import native
from practicum.kernels.paged_step import paged_step, paged_step_reference
from practicum.kernels.rotary import rotary_table, turns
from practicum.seeding import stream

LENGTHS, SIZE = (1, 9, 20), 4
TABLES = torch.tensor([[7, 0, 0, 0, 0], [3, 9, 1, 0, 0], [2, 4, 5, 6, 8]], dtype=torch.int32)


def normal(name: str, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=stream(0, name))


@pytest.mark.parametrize("instructions", ["native", "avx2", None])
@pytest.mark.parametrize("turned", ["all", "half of a head", "alike", "nothing"])
@pytest.mark.parametrize("window", [None, 5])
def test_a_step_is_its_parts(instructions: str | None, turned: str, window: int | None):
    heads, groups, k, c = 6, 2, 16, 12
    lengths = torch.tensor(LENGTHS, dtype=torch.int32)
    half = 4 if turned == "half of a head" else 8
    table = rotary_table(32, 10.0 ** -torch.arange(half, dtype=torch.float64))
    places = torch.tensor([[3]]) if turned == "alike" else (lengths.long() - 1)[:, None]
    by = None if turned == "nothing" else turns(places, table)
    qkv = normal("qkv", 3, 1, heads * k + groups * (k + c))
    pools = normal("k", 10, groups, SIZE, k), normal("v", 10, groups, SIZE, c)
    ours, theirs = ([pool.clone() for pool in pools] for _ in range(2))
    about = {"heads": heads, "scale": 0.3, "window": window}
    expected = paged_step_reference(qkv.clone(), by, *theirs, TABLES, lengths, **about)
    library = native.OFF if instructions is None else native.built(instructions)
    with native.using(library):
        found = paged_step(qkv.clone(), by, *ours, TABLES, lengths, **about)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    for mine, other, before in zip(ours, theirs, pools, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-6, atol=1e-6)
        changed = (mine != before).any(-1).any(1).nonzero().tolist()
        assert changed == [[1, 0], [7, 0], [8, 3]]  # block and place of each row's new token


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_in_half_precision_a_step_is_its_parts_too(dtype: torch.dtype):
    lengths = torch.tensor(LENGTHS, dtype=torch.int32)
    table = rotary_table(32, 10.0 ** -torch.arange(8, dtype=torch.float64))
    by = turns((lengths.long() - 1)[:, None], table)
    qkv = normal("qkv", 3, 1, 6 * 16 + 2 * 28)
    pools = normal("k", 10, 2, SIZE, 16), normal("v", 10, 2, SIZE, 12)
    about = {"heads": 6, "scale": 0.3}
    wide = [pool.clone() for pool in pools]
    expected = paged_step_reference(qkv.clone(), by, *wide, TABLES, lengths, **about)
    half = [pool.to(dtype) for pool in pools]
    found = paged_step(qkv.to(dtype), by, *half, TABLES, lengths, **about)
    assert found.dtype == dtype
    torch.testing.assert_close(found.float(), expected, rtol=2e-2, atol=2e-2)
    torch.testing.assert_close(half[0].float(), wide[0], rtol=2e-2, atol=2e-2)
