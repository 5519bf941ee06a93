import pytest
import torch

from practicum.kernels.windowed_attention import (
    windowed_attention,
    windowed_attention_reference,
)
from practicum.seeding import stream


@pytest.mark.parametrize("t", [1, 5, 12, 13, 50])
@pytest.mark.parametrize("window", [1, 4, 12, 60])
@pytest.mark.parametrize("kv_heads", [1, 2, 4])
def test_blocks_are_the_mask_of_all_pairs(t, window, kv_heads):
    generator = stream(0, "windowed", t, window)
    q, k, v = (
        torch.randn(2, heads, t, width, generator=generator, dtype=torch.float64).requires_grad_()
        for heads, width in ((4, 6), (kv_heads, 6), (kv_heads, 5))
    )
    ours = windowed_attention(q, k, v, window=window, scale=0.4)
    theirs = windowed_attention_reference(q, k, v, window=window, scale=0.4)
    torch.testing.assert_close(ours, theirs)
    for mine, other in zip(
        torch.autograd.grad(ours.square().sum(), (q, k, v)),
        torch.autograd.grad(theirs.square().sum(), (q, k, v)),
        strict=True,
    ):
        torch.testing.assert_close(mine, other)
