"""Values of another width than keys: as the equation, and as torch's own kernel, have it."""

import pytest
import torch
from torch.nn import functional as F

from practicum.autograd.slopes import Check
from practicum.autograd.torch_functions import assert_gradients
from practicum.kernels.attention import attention
from practicum.seeding import stream


def draw(name: str, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=stream(0, name), dtype=torch.float64)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("values", [2, 4, 9])
def test_it_is_attention(values: int, causal: bool):
    q, k, v = draw("q", 2, 3, 5, 4), draw("k", 2, 3, 5, 4), draw("v", 2, 3, 5, values)
    ours = attention(q, k, v, causal=causal, scale=0.7)
    theirs = F.scaled_dot_product_attention(q, k, v, is_causal=causal, scale=0.7)
    torch.testing.assert_close(ours, theirs)
    scores = 0.7 * q @ k.mT
    if causal:
        scores = scores.masked_fill(~torch.ones(5, 5, dtype=torch.bool).tril(), -torch.inf)
    torch.testing.assert_close(ours, scores.softmax(-1) @ v)


def test_gradients():
    q, k, v = draw("q", 1, 1, 3, 2), draw("k", 1, 1, 3, 2), draw("v", 1, 1, 3, 5)
    assert_gradients(
        lambda q, k, v: attention(q, k, v, causal=True, scale=1.0),
        (q, k, v),
        Check(by="centred"),
    )
