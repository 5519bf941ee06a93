"""Gopher: what its attention computes, and that it reads on past its training's length."""

import torch

from practicum.models.build import build
from practicum.models.families.gopher import gopher
from practicum.seeding import stream

TINY = gopher(width=24, depth=1, heads=3, head_width=6, vocab=31, context=16)


@torch.no_grad()
def test_attention_scores_content_and_distance_as_transformer_xl_does():
    layer = build(TINY, dtype=torch.float64).stack.blocks[0].mixer
    for name, parameter in layer.named_parameters():
        values = torch.randn(parameter.shape, generator=stream(1, name), dtype=torch.float64)
        parameter.copy_(0.4 * values)
    x = torch.randn(2, 20, 24, dtype=torch.float64, generator=stream(0, "x"))
    q, k, v = (x @ layer.qkv.weight.T).view(2, 20, 3, 3, 6).permute(2, 0, 3, 1, 4)
    u, b_k, b_v = layer.qkv.bias.view(3, 3, 1, 6)
    asked = u + layer.relative.bias[:, None]  # the paper's v
    angles = torch.arange(20)[:, None] * 10_000.0 ** (-torch.arange(0, 24, 2) / 24)
    r = torch.cat([angles.sin(), angles.cos()], dim=-1).double()
    far = torch.einsum("hkd,nd->hnk", layer.relative.weight, r)
    scores = torch.full((2, 3, 20, 20), -torch.inf, dtype=torch.float64)
    for i in range(20):
        for j in range(i + 1):
            content = (q[:, :, i] + u[:, 0]) * (k[:, :, j] + b_k[:, 0])
            distance = (q[:, :, i] + asked[:, 0]) * far[:, i - j]
            scores[:, :, i, j] = (content + distance).sum(-1) / 6**0.5
    mixed = (scores.softmax(-1) @ (v + b_v)).transpose(1, 2).flatten(2)
    torch.testing.assert_close(layer(x), layer.out(mixed), atol=1e-5, rtol=0)


@torch.no_grad()
def test_a_text_may_be_longer_than_those_of_training():
    ids = torch.randint(31, (1, 40), generator=stream(0, "ids"))
    assert build(TINY)(ids).isfinite().all()
