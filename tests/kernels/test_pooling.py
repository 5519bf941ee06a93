"""One vector of many states, of real tokens alone."""

import pytest
import torch

from practicum.kernels.pooling import HOWS, pooled
from practicum.seeding import stream

STATES = torch.randn(3, 5, 4, generator=stream(0, "states")) - 3.0  # a zero would be the largest
LENGTHS = (5, 1, 3)
REAL = torch.arange(5) < torch.tensor(LENGTHS)[:, None]


@pytest.mark.parametrize("how", HOWS)
def test_padding_has_no_say(how):
    alone = [pooled(STATES[i : i + 1, :n], REAL[i : i + 1, :n], how) for i, n in enumerate(LENGTHS)]
    torch.testing.assert_close(pooled(STATES, REAL, how), torch.cat(alone))


def test_each_way_is_its_equation():
    states = STATES[2, :3]
    torch.testing.assert_close(pooled(STATES, REAL, "mean")[2], states.mean(0))
    torch.testing.assert_close(pooled(STATES, REAL, "max")[2], states.amax(0))
    torch.testing.assert_close(pooled(STATES, REAL, "cls")[2], states[0])


def test_halves_are_summed_in_float32():
    assert pooled(STATES.bfloat16(), REAL, "mean").dtype == torch.float32
