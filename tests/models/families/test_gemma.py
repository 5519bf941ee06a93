"""How Gemmas start and what repeats in them; that they are networks is for `test_decoders`."""

from typing import Any

import pytest

from practicum.models.build import build
from practicum.models.decoder import Decoder
from practicum.models.families.gemma import SIZES, gemma, gemma2, gemma3

SHAPE: dict[str, Any] = {"width": 24, "depth": 4, "heads": 2, "kv_heads": 1, "hidden": 40}


@pytest.mark.parametrize(
    ("description", "norms"),
    [(gemma(**SHAPE, vocab=50), 2), (gemma2(**SHAPE, vocab=50), 4), (gemma3(**SHAPE, vocab=50), 6)],
)
def test_every_gain_starts_at_one(description: Decoder, norms: int):
    model = build(description, seed=1)
    gains = [parameter for name, parameter in model.named_parameters() if "norm" in name]
    assert len(gains) == 1 + 4 * norms
    assert not any(gain.any() for gain in gains)  # to which one is added


def test_the_pattern_of_layers_is_as_short_as_it_can_be():
    lengths = {name: len(size.stack.pattern) for name, (size, _) in SIZES.items()}
    assert lengths == {
        "2B": 1,
        "7B": 1,
        "2-2B": 2,
        "2-9B": 2,
        "2-27B": 2,
        "3-270M": 6,
        "3-1B": 26,  # which six does not divide
    }
    windows = [block.attention.window for block in SIZES["3-1B"][0].stack.blocks]
    assert [layer for layer, window in enumerate(windows) if window is None] == [5, 11, 17, 23]
