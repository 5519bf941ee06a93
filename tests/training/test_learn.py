"""From a table to a report: classes, quantities and cells by the same call."""

from dataclasses import replace

import numpy as np
import pytest

from practicum.data.table import Table
from practicum.errors import ConfigError
from practicum.evaluation.generalisation import generalisation
from practicum.evaluation.shifts import Changed
from practicum.evaluation.table_measure import measure_of
from practicum.objectives.corruption import Noise
from practicum.training.learn import USUAL, learn

DRAW = np.random.default_rng(0)
X, Y = DRAW.uniform(-1, 1, (2, 600))
TABLE = Table({
    "x": X,
    "y": Y,
    "side": tuple(np.where(X + Y > 0, "above", "below").tolist()),
    "sum": X + Y + 0.05 * DRAW.standard_normal(600),
})  # fmt: skip
QUICK = replace(USUAL, steps=200)
NOISY = {"noisy": Changed(changes=(Noise(std=1.0),))}


def reported(learned):
    measure = measure_of(learned.task, learned.model)
    examples = learned.examples
    return generalisation(measure, examples.train, examples.test, NOISY, seed=0)


@pytest.mark.parametrize("target", ["side", "sum"])
def test_a_column_is_learned_from_the_others(target):
    learned = learn(TABLE, target, seed=0, budget=QUICK)
    found = reported(learned)
    assert found.test > 0.9
    assert abs(found.gap) < 0.1
    assert found.losses["noisy"] > 0.1


def test_without_a_target_cells_are_told_from_cells():
    found = reported(learn(TABLE, seed=0, budget=QUICK))
    assert found.test > 0.5  # of what is hidden: x alone says little of y


def test_what_cannot_be_learned_is_reported_as_such():
    chance = Table({"x": X, "coin": tuple(DRAW.choice(["heads", "tails"], 600).tolist())})
    learned = learn(chance, "coin", seed=0, budget=QUICK)
    assert reported(learned).test < 0.65


def test_answers_are_in_the_words_of_the_table():
    some = TABLE.rows(np.arange(50))
    sides = learn(TABLE, "side", seed=0, budget=QUICK).answers(some)
    assert np.mean([a == b for a, b in zip(sides, some.column("side"), strict=True)]) > 0.9
    sums = learn(TABLE, "sum", seed=0, budget=QUICK).answers(some)
    np.testing.assert_allclose(sums, some.column("sum"), atol=0.5)
    with pytest.raises(ConfigError, match="without a target"):
        learn(TABLE, seed=0, budget=replace(QUICK, steps=1)).answers(some)


def test_the_test_rows_are_none_of_those_learned_from():
    examples = learn(TABLE, "side", seed=0, budget=replace(QUICK, steps=1)).examples
    sides = [{row.tobytes() for row in side[0]} for side in vars(examples).values()]
    assert sum(map(len, sides)) == len(set.union(*sides)) == 600
