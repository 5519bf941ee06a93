"""The perceptron against torch's own layers, its counts, and what it refuses."""

import pytest
import torch
from torch import nn

from practicum.config import from_json, to_json
from practicum.errors import ConfigError
from practicum.models.build import build, parameters_of
from practicum.models.families.perceptron import SIZES
from practicum.models.perceptron import Perceptron


@pytest.mark.parametrize(("description", "count"), SIZES.values(), ids=SIZES.keys())
def test_a_published_size_has_the_published_count(description: Perceptron, count: int):
    assert parameters_of(description) == count
    assert from_json(Perceptron, to_json(description)) == description


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_it_equals_torchs_layers(dtype: torch.dtype):
    model = build(Perceptron(widths=(12, 7, 5, 3), start="unit"), seed=1, dtype=dtype)
    theirs = nn.Sequential(
        nn.Linear(12, 7), nn.Sigmoid(), nn.Linear(7, 5), nn.Sigmoid(), nn.Linear(5, 3), nn.Sigmoid()
    ).to(dtype)
    with torch.no_grad():
        for ours, other in zip(model.parameters(), theirs.parameters(), strict=True):
            other.copy_(ours)
    x = torch.rand(9, 12, dtype=dtype, generator=torch.Generator().manual_seed(0))
    limit = 1e-6 if dtype == torch.float32 else 1e-12
    torch.testing.assert_close(model(x), theirs(x), atol=limit, rtol=0)
    torch.testing.assert_close(model.trace(x)[-1].a, model(x), atol=0, rtol=0)
    torch.testing.assert_close(model.trace(x)[-2].a, model.hidden(x), atol=0, rtol=0)


def test_starts_have_their_spread():
    wide = Perceptron(widths=(400, 300, 10))
    for start, std in (("unit", 1.0), ("scaled", 1 / 20), ("he", 2**0.5 / 20)):
        model = build(Perceptron(widths=wide.widths, start=start), seed=0)  # type: ignore[arg-type]
        assert float(model.layers[0].weight.detach().std()) == pytest.approx(std, rel=0.02)
        biases = torch.cat([layer.bias for layer in model.layers])
        assert float(biases.detach().std()) == pytest.approx(
            1.0 if start == "unit" else 0.0, abs=0.1
        )


def test_impossible_widths_are_refused():
    with pytest.raises(ConfigError, match="two numbers or more"):
        Perceptron(widths=(3,))
    with pytest.raises(ConfigError, match="at least 1"):
        Perceptron(widths=(3, 0, 2))
