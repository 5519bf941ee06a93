"""Tasks that make their examples: batches are named by their number, and mean what they say."""

import numpy as np
import pytest

from practicum.data.copying import BEGIN, Copying
from practicum.data.drawn import Drawn, fresh
from practicum.data.gather import Gather
from practicum.errors import CheckpointError, ConfigError, DataError

RNG = np.random.default_rng


def test_a_batch_depends_on_its_number_alone():
    source = Drawn(Copying(), 5, seed=1)
    batches = [next(source) for _ in range(4)]
    again = Drawn(Copying(), 5, seed=1)
    again.seek({"batches": 2, "rows": 5, "seed": 1})
    assert [next(again), next(again)] == batches[2:]
    assert again.position() == source.position()
    assert next(Drawn(Copying(), 5, seed=2)) != batches[0]
    assert fresh(Copying(), 5, seed=1) not in batches


@pytest.mark.parametrize("other", [{"rows": 6, "seed": 1}, {"rows": 5, "seed": 2}])
def test_the_place_of_another_source_is_refused(other):
    with pytest.raises(CheckpointError, match="go on with the same"):
        Drawn(Copying(), 5, seed=1).seek({"batches": 1, **other})


def test_a_batch_of_nothing_is_refused():
    with pytest.raises(DataError, match="0 examples is impossible"):
        Drawn(Copying(), 0, seed=1)


@pytest.mark.parametrize(
    ("order", "arranged"), [("copy", list), ("reverse", lambda r: r[::-1]), ("sort", sorted)]
)
def test_the_target_is_the_source_after_its_first_symbol_in_the_order_asked_for(order, arranged):
    task = Copying(order=order, symbols=10, length=10, shortest=2)
    pairs = task.draw(300, RNG(0))
    assert {len(pair.source) for pair in pairs} == set(range(2, 11))
    for pair in pairs:
        assert pair.source[0] == BEGIN
        assert list(pair.target) == list(arranged(list(pair.source[1:])))
    assert {word for pair in pairs for word in pair.target} == set(range(1, task.vocab))


def test_the_task_of_the_article_has_ten_symbols_in_ten_places_after_a_one():
    task = Copying()
    assert task.vocab == 11
    assert all(len(pair.source) == 10 == len(pair.target) + 1 for pair in task.draw(50, RNG(0)))


def test_rows_to_gather_from_are_symbols_from_zero():
    task = Gather(length=7, symbols=3, reach=2)
    assert task.offsets == (-2, -1, 1, 2)
    rows = np.stack(task.draw(60, RNG(0)))
    assert rows.shape == (60, 7)
    assert set(rows.flatten().tolist()) == {0, 1, 2}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Copying(symbols=1), "2 symbols or more"),
        (lambda: Copying(length=4, shortest=5), "shortest ≤ length"),
        (lambda: Gather(reach=24), "a reach within the row"),
    ],
)
def test_tasks_that_make_no_sense_are_refused(make, message):
    with pytest.raises(ConfigError, match=message):
        make()
