"""Fast versions against the equations they stand for: values and gradients."""

import pytest
import torch

from practicum.kernels.attention import attention, attention_reference
from practicum.kernels.cross_entropy import (
    IGNORED,
    linear_cross_entropy,
    linear_cross_entropy_reference,
)
from practicum.kernels.rotary import rotary_table, rotate, rotate_reference, turns
from practicum.kernels.skinny import few_rows
from practicum.seeding import stream


def draw(name: str, *shape: int) -> torch.Tensor:
    made = torch.randn(*shape, generator=stream(0, name), dtype=torch.float64)
    return made.requires_grad_()


@pytest.mark.parametrize(("heads", "kv_heads"), [(4, 4), (4, 2), (6, 1)])
@pytest.mark.parametrize("t", [1, 5])
def test_attention_is_the_equation(heads: int, kv_heads: int, t: int):
    q = draw("q", 2, heads, t, 8)
    k, v = draw("k", 2, kv_heads, 7, 8), draw("v", 2, kv_heads, 7, 8)
    mask = torch.ones(t, 7, dtype=torch.bool).tril(7 - t)[None, None]
    ours = attention(q, k, v, mask=mask, scale=0.3)
    theirs = attention_reference(q, k, v, mask, 0.3)
    torch.testing.assert_close(ours, theirs)
    for mine, other in zip(
        torch.autograd.grad(ours.square().sum(), (q, k, v)),
        torch.autograd.grad(theirs.square().sum(), (q, k, v)),
        strict=True,
    ):
        torch.testing.assert_close(mine, other)


def test_rotation_is_multiplication_by_a_unit_complex_number():
    x = draw("x", 2, 3, 5, 8)
    positions = torch.tensor([[0, 1, 2, 3, 4], [7, 8, 9, 300, 4]])
    rates = 100.0 ** (-torch.arange(0, 8, 2, dtype=torch.float64) / 8)
    table = turns(positions, rotary_table(512, rates))
    torch.testing.assert_close(
        rotate(x, table), rotate_reference(x, positions, 100.0), atol=2e-6, rtol=2e-6
    )  # the table is kept in float32


@pytest.mark.parametrize("rows", [1, 2, 700])
def test_cross_entropy_in_chunks_is_the_equation(rows: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("practicum.kernels.cross_entropy.CHUNK_BYTES", 4 * 64 * 37)
    monkeypatch.setattr("practicum.kernels.cross_entropy.CHUNK_ROWS", 1)
    h, w = draw("h", rows, 16).float().detach(), draw("w", 37, 16).float().detach()
    h.requires_grad_()
    w.requires_grad_()
    targets = torch.randint(37, (rows,), generator=stream(0, "targets"))
    targets[::3] = IGNORED
    ours = linear_cross_entropy(h, w, targets)
    theirs = linear_cross_entropy_reference(h, w, targets)
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
    for mine, other in zip(
        torch.autograd.grad(ours / 7, (h, w)),
        torch.autograd.grad(theirs / 7, (h, w)),
        strict=True,
    ):
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("rows", [1, 2, 16, 40])
def test_few_rows_are_an_ordinary_linear_map(rows: int):
    x, w, b = draw("x", rows, 12), draw("w", 20, 12), draw("b", 20)
    torch.testing.assert_close(few_rows(x, w, b), torch.nn.functional.linear(x, w, b))


def test_cross_entropy_of_capped_logits_with_a_bias_is_the_equation():
    hidden, weight, bias = draw("h", 700, 6), draw("w", 40, 6), draw("b", 40)
    targets = torch.randint(40, (700,), generator=stream(0, "t"))
    targets[3:9] = IGNORED
    given = [tensor.requires_grad_() for tensor in (hidden, weight, bias)]
    ours = linear_cross_entropy(hidden, weight, targets, bias, 1.5)
    theirs = linear_cross_entropy_reference(hidden, weight, targets, bias, 1.5)
    torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-6, check_dtype=False)
    for mine, other in zip(
        torch.autograd.grad(ours, given), torch.autograd.grad(theirs, given), strict=True
    ):
        torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("cap", [None, 2.0])
def test_cross_entropy_within_autocast_keeps_the_sums_in_float32(cap):
    hidden, weight = draw("h", 1200, 16).float(), draw("w", 60, 16).float()
    targets = torch.randint(60, (1200,), generator=stream(0, "t"))
    given = [hidden.requires_grad_(), weight.requires_grad_()]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        ours = linear_cross_entropy(hidden, weight, targets, cap=cap)
    theirs = linear_cross_entropy_reference(hidden, weight, targets, cap=cap)
    assert ours.dtype == torch.float32
    torch.testing.assert_close(ours, theirs, rtol=1e-2, atol=0)
    for mine, other in zip(
        torch.autograd.grad(ours, given), torch.autograd.grad(theirs, given), strict=True
    ):
        assert mine.dtype == torch.float32
        assert (mine - other).norm() < 2e-2 * other.norm()
