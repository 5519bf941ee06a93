"""What one more token costs: the bytes are known exactly, the seconds are some."""

import pytest

from practicum.evaluation.step_costs import step_costs
from practicum.models.build import build
from practicum.models.decoder import Decoder
from practicum.models.families.gpt2 import gpt2
from practicum.models.families.mamba import mamba
from practicum.nn.selective import Selective

ATTENDS = gpt2(width=16, depth=2, heads=2, vocab=11, context=64)
REMEMBERS = mamba(width=16, depth=2, vocab=11, context=64, mixer=Selective(state=4))


@pytest.mark.parametrize(
    ("description", "nbytes"),
    [
        (ATTENDS, [2 * 2 * 3 * 16 * 4 * n for n in (5, 41)]),  # keys and values, layers, rows
        (REMEMBERS, [2 * 3 * (32 * 4 + 32 * 3) * 4] * 2),
    ],
)
def test_what_is_kept_is_counted_and_a_step_takes_time(description: Decoder, nbytes: list[int]):
    costs = step_costs(build(description), (4, 40), rows=3, rounds=1)
    assert [cost.position for cost in costs] == [4, 40]
    assert [cost.nbytes for cost in costs] == nbytes
    assert all(0 < cost.seconds < 10 for cost in costs)
