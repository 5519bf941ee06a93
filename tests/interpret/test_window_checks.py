"""Checks of a sliding window, and that they notice what they are for."""

from dataclasses import replace

import pytest
import torch

from practicum.interpret.window_checks import at_once, chunk_gap, greedy_disagreements, reach
from practicum.models.build import build
from practicum.models.families.mistral import mistral
from practicum.nn.cache import RingCache
from practicum.seeding import stream

WINDOW = 5
DESCRIPTION = mistral(
    width=16, depth=3, heads=4, kv_heads=2, hidden=20, window=WINDOW, vocab=30, context=200
)
MODEL = build(DESCRIPTION, seed=0)
with torch.no_grad():
    for parameter in MODEL.parameters():
        parameter.mul_(10.0 if parameter.dim() > 1 else 1.0)  # large enough for all to matter
IDS = torch.randint(30, (1, 90), generator=stream(0, "ids"))


def forget_early(cache: RingCache) -> None:
    """Empty the slots that a window still sees."""
    cache.keys.zero_()
    cache.values.zero_()


@pytest.mark.parametrize("chunk", [1, 4, 60, 90])
def test_chunks_change_nothing(chunk):
    assert chunk_gap(MODEL, IDS, chunk) < 1e-5


def test_a_cache_that_forgets_what_is_in_sight_is_noticed(monkeypatch):
    see = RingCache.see

    def forgetting(self, k, v, scope):
        forget_early(self)
        return see(self, k, v, scope)

    monkeypatch.setattr(RingCache, "see", forgetting)
    assert chunk_gap(MODEL, IDS, 4) > 1e-2
    assert greedy_disagreements(MODEL, IDS[0, :50], tokens=20, chunk=7) > 0


def test_the_likeliest_tokens_are_the_same():
    assert greedy_disagreements(MODEL, IDS[0, :50], tokens=20, chunk=7) == 0


def test_at_once_is_the_plain_reading():
    torch.testing.assert_close(at_once(MODEL, IDS), MODEL(IDS), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_information_reaches_depth_times_the_window_less_one(depth):
    description = replace(DESCRIPTION, stack=replace(DESCRIPTION.stack, depth=depth))
    stack = build(description, seed=0).stack
    x = torch.randn(1, 40, 16, generator=stream(0, "x"))
    direction = torch.randn(16, generator=stream(0, "direction"))
    assert reach(stack, x, 39, direction) == depth * (WINDOW - 1)
