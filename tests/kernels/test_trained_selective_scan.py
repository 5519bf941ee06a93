"""The scan in a network that others trained: `typeseg`, which tells what the bytes of a text are.

It reads both ways, the scan once from each side with the same coefficients, and its convolution is
centred; so it is put together here, of our kernels and its weights. What is expected are its labels
and numbers that its own numpy code gave, with a loop over the bytes.
"""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from practicum.data.fetch import locate
from practicum.kernels.selective_scan import selective_scan
from practicum.kernels.short_convolution import short_convolution

BLOCKS, STATE, RANK = 6, 16, 16
SHORTEST_STEP = 1e-4  # added to each
# label → a text, and the mean over its bytes of the scores of the first four labels
TEXTS = {
    "python": (
        'def area(r):\n    """Of a circle."""\n    return 3.14159 * r ** 2\n\n'
        "for r in range(3):\n    print(area(r))\n",
        [-3.0188, -2.1993, -2.3265, -2.9237],
    ),
    "json": (
        '{"name": "scan", "sizes": [1, 2, 3], "open": true, "inner": {"a": null}}\n',
        [-2.6995, -2.1165, -1.8661, -2.1743],
    ),
    "sql": (
        "SELECT name, COUNT(*) FROM runs WHERE seed < 5 GROUP BY name ORDER BY 2 DESC;\n",
        [-0.7540, -2.3627, -0.3812, -1.4291],
    ),
}


def folder() -> Path:
    path = locate("typeseg")
    if path is None:
        pytest.skip("the asset is not here: `practicum data add typeseg`")
    return path


@cache
def weights() -> dict[str, Tensor]:
    with np.load(folder() / "mamba_al.npz") as stored:
        return {name: torch.from_numpy(stored[name]) for name in stored.files}


def dense(x: Tensor, name: str) -> Tensor:
    return x @ weights()[f"{name}__kernel"] + weights()[f"{name}__bias"]


def normed(x: Tensor, name: str) -> Tensor:
    scale, bias = weights()[f"{name}__scale"], weights()[f"{name}__bias"]
    return F.layer_norm(x, scale.shape, scale, bias, eps=1e-6)


def block(x: Tensor, name: str) -> Tensor:
    known = weights()
    signal, gate = dense(normed(x, f"{name}__LayerNorm_0"), f"{name}__Dense_0").chunk(2, dim=-1)
    taps = known[f"{name}__Conv_0__kernel"][:, 0].T
    ahead = F.pad(signal, (0, 0, 0, 2))  # two bytes later it has seen one before and two after
    signal = short_convolution(ahead, taps, known[f"{name}__Conv_0__bias"])[:, 2:]
    signal = F.silu(signal)
    low, write, read = dense(signal, f"{name}__Dense_1").split([RANK, STATE, STATE], dim=-1)
    step = F.softplus(dense(low, f"{name}__Dense_2")) + SHORTEST_STEP
    inputs = signal, step, write[:, :, None], read[:, :, None]
    rates = -known[f"{name}__A_log"].exp()
    y = sum(
        way(selective_scan(*map(way, inputs[:2]), rates, *map(way, inputs[2:]))[0])
        for way in (lambda part: part, lambda part: part.flip(1))
    )
    y = y + 2 * known[f"{name}__D"] * signal  # once from each side
    return x + dense(y * F.silu(gate), f"{name}__Dense_3")


def scores(text: str) -> Tensor:
    """One row of scores for each byte of a text in ASCII."""
    x = weights()["Embed_0__embedding"][list(text.encode("ascii"))][None]
    for number in range(BLOCKS):
        x = block(x, f"CheckpointMambaBlock1D_{number}")
    return dense(normed(x, "LayerNorm_0"), "Dense_0")[0]


@pytest.mark.parametrize("label", TEXTS)
def test_trained_weights_give_what_they_gave_where_they_come_from(label: str):
    labels = json.loads((folder() / "manifest.json").read_text())["labels"]
    text, expected = TEXTS[label]
    mean = scores(text).mean(0)
    assert labels[mean.argmax()] == label
    torch.testing.assert_close(mean[:4], torch.tensor(expected), atol=2e-4, rtol=0)
