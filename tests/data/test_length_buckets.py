"""Buckets of similar length: nothing is lost, limits hold, and a stopped loader goes on."""

import json
from dataclasses import dataclass
from itertools import islice

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from practicum.data.length_buckets import BucketLoader, Buckets, in_buckets
from practicum.data.parallel import TokenPair
from practicum.errors import CheckpointError, ConfigError, DataError
from practicum.objectives.classification import CrossEntropy
from practicum.training.budget import Budget
from practicum.training.loop import Watch, fit

sizes = st.lists(st.tuples(st.integers(0, 12), st.integers(1, 12)), min_size=1, max_size=40)
limits = st.builds(
    Buckets,
    rows=st.none() | st.integers(1, 9),
    tokens=st.integers(12, 60),
    pool=st.integers(1, 30),
)
seeds = st.integers(0, 2**63)


def pairs_of(lengths) -> list[TokenPair]:
    """Pairs of these lengths; the first target token tells them apart."""
    return [TokenPair((1,) * s, (i,) + (2,) * (t - 1)) for i, (s, t) in enumerate(lengths)]


def epoch(loader: BucketLoader) -> list[list[TokenPair]]:
    """The batches up to the end of the first epoch."""
    batches: list[list[TokenPair]] = []
    while sum(map(len, batches)) < len(loader.pairs):
        batches.append(next(loader))
    return batches


@given(sizes, limits, seeds)
def test_every_epoch_has_every_pair_once_within_the_limits(lengths, buckets, seed):
    loader = BucketLoader(pairs_of(lengths), buckets, seed=seed)
    for _ in range(3):
        batches = epoch(loader)
        assert sorted(p.target[0] for batch in batches for p in batch) == list(range(len(lengths)))
        for batch in batches:
            longest = max(max(len(pair.source), len(pair.target)) for pair in batch)
            assert len(batch) * longest <= buckets.tokens
            assert buckets.rows is None or len(batch) <= buckets.rows


@given(sizes, limits)
def test_for_evaluation_every_pair_comes_once_the_short_ones_first(lengths, buckets):
    batches = in_buckets(pairs_of(lengths), buckets)
    pairs = [pair for batch in batches for pair in batch]
    assert sorted(pair.target[0] for pair in pairs) == list(range(len(lengths)))
    assert [len(pair.source) for pair in pairs] == sorted(source for source, _ in lengths)
    for batch in batches:
        assert buckets.holds(len(batch), max(max(map(len, pair)) for pair in batch))


def test_for_evaluation_a_pair_that_no_batch_holds_has_one_of_its_own():
    pairs = pairs_of([(3, 5), (90, 2), (3, 4)])
    assert [len(batch) for batch in in_buckets(pairs, Buckets(tokens=64))] == [2, 1]


@given(sizes, limits, seeds, st.integers(0, 30), st.integers(1, 9))
def test_a_resumed_loader_goes_on_as_if_nothing_had_been(lengths, buckets, seed, before, after):
    uninterrupted = BucketLoader(pairs_of(lengths), buckets, seed=seed)
    expected = list(islice(uninterrupted, before + after))[before:]
    first = BucketLoader(pairs_of(lengths), buckets, seed=seed)
    list(islice(first, before))
    position = json.loads(json.dumps(first.position()))
    resumed = BucketLoader(pairs_of(lengths), buckets, seed=seed)
    next(resumed)  # wherever it stood before
    resumed.seek(position)
    assert list(islice(resumed, after)) == expected
    assert resumed.position() == uninterrupted.position()


def padded(batches: list[list[TokenPair]]) -> float:
    """Which share of the tokens of these batches is padding."""
    real = sum(len(pair.source) for batch in batches for pair in batch)
    whole = sum(len(batch) * max(len(pair.source) for pair in batch) for batch in batches)
    return 1 - real / whole


def test_sorting_within_pools_saves_padding():
    draw = np.random.default_rng(0)
    pairs = pairs_of([(n, n) for n in draw.integers(3, 25, 1600).tolist()])
    unsorted = epoch(BucketLoader(pairs, Buckets(rows=80, pool=80), seed=0))
    pooled = epoch(BucketLoader(pairs, Buckets(), seed=0))
    assert [len(batch) for batch in pooled] == [80] * 20  # as in the paper
    assert padded(pooled) < 0.05 < 0.35 < padded(unsorted)
    means = [np.mean([len(pair.source) for pair in batch]) for batch in pooled]
    assert means != sorted(means), "batches come in an order of their own"


def test_seeds_and_epochs_differ():
    pairs = pairs_of([(3, 3)] * 30)
    first, other = (BucketLoader(pairs, Buckets(rows=30), seed=seed) for seed in (0, 1))
    orders = [next(first), next(first), next(other)]
    assert len({tuple(pair.target[0] for pair in batch) for batch in orders}) == 3


@dataclass(frozen=True, kw_only=True)
class LongerSource(CrossEntropy):
    """Is the source the longer side? Enough to learn from pairs with the loop."""

    def prepare(self, examples, generator):
        rows = [
            (np.array([len(s), len(t)], dtype=np.float32) / 9, int(len(s) > len(t)))
            for s, t in examples
        ]
        return CrossEntropy.prepare(self, rows, generator)


def test_the_loop_of_training_resumes_with_it(tmp_path):
    draw = np.random.default_rng(0)
    pairs = pairs_of(draw.integers(1, 9, (50, 2)).tolist())

    def trained(steps: int, **watch) -> nn.Module:
        model = nn.Linear(2, 2)
        nn.init.zeros_(model.weight)
        nn.init.zeros_(model.bias)
        source = BucketLoader(pairs, Buckets(rows=None, tokens=40), seed=1)
        budget = Budget(steps=9, batch=1, rate=0.1, save_every=4)
        if steps < 9:
            watch["after_step"] = lambda step, _: _stop(step, steps)
        fit(model, source, LongerSource(), budget, seed=0, watch=Watch(**watch))
        return model

    def _stop(step: int, last: int) -> None:
        if step == last:
            raise KeyError("killed")

    whole = trained(9)
    with pytest.raises(KeyError):
        trained(6, folder=tmp_path)
    resumed = trained(9, folder=tmp_path)
    assert torch.equal(whole.weight, resumed.weight)
    assert whole.weight.abs().sum() > 0


def test_what_makes_no_sense_is_refused():
    pairs = pairs_of([(3, 5), (90, 2)])
    with pytest.raises(ConfigError, match="limits neither rows nor tokens"):
        Buckets(rows=None)
    with pytest.raises(ConfigError, match="Buckets.pool is 0"):
        Buckets(pool=0)
    with pytest.raises(DataError, match="no pairs to draw from"):
        BucketLoader([], Buckets(), seed=0)
    with pytest.raises(DataError, match="has 90 tokens and a batch holds 64"):
        BucketLoader(pairs, Buckets(tokens=64), seed=0)
    position = BucketLoader(pairs, Buckets(), seed=0).position()
    for other, message in (
        (BucketLoader(pairs[:1], Buckets(), seed=0), "pairs = 2, this has 1"),
        (BucketLoader(pairs, Buckets(), seed=1), "seed = 0, this has 1"),
        (BucketLoader(pairs, Buckets(rows=7), seed=0), "rows = 80, this has 7"),
    ):
        with pytest.raises(CheckpointError, match=message):
            other.seek(position)
