"""The order of examples depends on the seed alone, and goes on where it stopped."""

import json
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from practicum.data.loader import Loader, epoch_order, in_order
from practicum.errors import CheckpointError, DataError

sizes = st.integers(1, 30)


def drawn(loader: Loader[int], examples: int) -> list[int]:
    """At least this many examples, in the order in which they come."""
    batches = islice(loader, -(-examples // loader.batch))
    return [example for batch in batches for example in batch]


@given(sizes, sizes, st.integers(0, 2**63), st.integers(0, 6), st.integers(1, 6))
def test_a_resumed_loader_goes_on_as_if_nothing_had_been(examples, batch, seed, before, after):
    uninterrupted = Loader(range(examples), batch, seed=seed)
    expected = list(islice(uninterrupted, before + after))[before:]
    first = Loader(range(examples), batch, seed=seed)
    list(islice(first, before))
    position = json.loads(json.dumps(first.position()))
    resumed = Loader(range(examples), batch, seed=seed)
    next(resumed)  # wherever it stood before
    resumed.seek(position)
    assert list(islice(resumed, after)) == expected
    assert resumed.position() == uninterrupted.position()


@given(sizes, sizes, sizes, st.integers(0, 2**63))
def test_the_order_does_not_depend_on_the_batch_size(examples, one, other, seed):
    orders = [drawn(Loader(range(examples), batch, seed=seed), 40)[:40] for batch in (one, other)]
    assert orders[0] == orders[1]


@given(sizes, sizes, st.integers(0, 2**63))
def test_every_epoch_has_every_example_once(examples, batch, seed):
    order = drawn(Loader(range(examples), batch, seed=seed), 3 * examples)
    for epoch in range(3):
        assert sorted(order[epoch * examples : (epoch + 1) * examples]) == list(range(examples))


def test_a_batch_larger_than_the_data_reaches_over_epochs():
    loader = Loader(["a", "b", "c"], 8, seed=0)
    batch = next(loader)
    assert len(batch) == 8
    assert sorted(batch[:3]) == sorted(batch[3:6]) == ["a", "b", "c"]
    assert loader.epoch == pytest.approx(8 / 3)


def test_seeds_and_epochs_differ():
    orders = {tuple(epoch_order(50, epoch, seed)) for epoch in range(3) for seed in range(3)}
    assert len(orders) == 9


def test_the_order_is_the_published_one():
    # Changing this changes every run of everybody.
    assert epoch_order(10, 0, 0).tolist() == [7, 1, 9, 2, 0, 3, 5, 6, 8, 4]


def test_another_data_set_or_seed_is_refused():
    position = Loader(range(5), 2, seed=1).position()
    with pytest.raises(CheckpointError, match="examples = 5, this has 6"):
        Loader(range(6), 2, seed=1).seek(position)
    with pytest.raises(CheckpointError, match="seed = 1, this has 2"):
        Loader(range(5), 2, seed=2).seek(position)
    with pytest.raises(CheckpointError, match="examples = None"):
        Loader(range(5), 2, seed=1).seek({})


def test_nothing_to_draw_from_is_refused():
    with pytest.raises(DataError, match="no examples to draw from"):
        Loader([], 2, seed=0)
    with pytest.raises(DataError, match="no examples to evaluate on"):
        next(in_order([], 2))
    with pytest.raises(DataError, match="expected 1 or more"):
        Loader([1], 0, seed=0)


def test_evaluation_sees_every_example_once_in_order():
    assert list(in_order(range(5), 2)) == [[0, 1], [2, 3], [4]]
