"""Mixtures: the shares are the paper's, what is drawn is named by the seed and can go on."""

import json
from collections import Counter
from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from practicum.data.mixing import Equal, Mixed, Proportional
from practicum.errors import CheckpointError, ConfigError, DataError

SETS = [[f"a{n}" for n in range(5)], [f"b{n}" for n in range(40)], [f"c{n}" for n in range(155)]]


BY_SIZE = Proportional()


def mixed(mixing=BY_SIZE, *, batch=10, seed=3):
    return Mixed(SETS, batch, mixing=mixing, seed=seed)


def test_shares_follow_the_numbers_of_examples_up_to_the_limit():
    assert Proportional().shares([1, 3]) == (0.25, 0.75)
    assert Proportional(limit=2).shares([1, 3, 10**9]) == pytest.approx((0.2, 0.4, 0.4))
    assert Equal().shares([1, 3, 10**9, 7]) == (0.25,) * 4


def test_a_temperature_of_two_takes_square_roots():
    assert Proportional(temperature=2).shares([1, 9]) == pytest.approx((0.25, 0.75))
    limited = Proportional(limit=2**21, temperature=2).shares([2**21, 2**40, 2**19])
    assert limited == pytest.approx((0.4, 0.4, 0.2))


@given(
    sizes=st.lists(st.integers(1, 10**12), min_size=1, max_size=8),
    limit=st.none() | st.integers(1, 10**9),
    temperature=st.floats(1, 1e6),
)
def test_a_temperature_evens_shares_out_and_keeps_their_order(sizes, limit, temperature):
    plain = Proportional(limit=limit).shares(sizes)
    warm = Proportional(limit=limit, temperature=temperature).shares(sizes)
    assert sum(warm) == pytest.approx(1)
    assert max(warm) <= max(plain) + 1e-9
    assert min(warm) >= min(plain) - 1e-9
    order = sorted(range(len(sizes)), key=plain.__getitem__)
    assert all(warm[a] <= warm[b] + 1e-12 for a, b in pairwise(order))


def test_sets_are_drawn_from_by_their_shares():
    counts = Counter(one[0] for batch in islice(mixed(batch=20), 500) for one in batch)
    for name, share in zip("abc", Proportional().shares([5, 40, 155]), strict=True):
        assert counts[name] / 10_000 == pytest.approx(share, abs=0.015)


def test_all_of_a_set_comes_before_any_of_it_comes_again():
    drawn = [one for batch in islice(mixed(Equal()), 12) for one in batch]
    for name, whole in zip("ab", SETS, strict=False):
        own = [one for one in drawn if one[0] == name]
        rounds = [own[n : n + len(whole)] for n in range(0, len(own), len(whole))]
        assert len(rounds) > 1
        assert all(sorted(one) == sorted(whole) for one in rounds[:-1])


def test_the_seed_alone_says_what_is_drawn():
    first, again, other = (list(islice(mixed(seed=seed), 4)) for seed in (3, 3, 4))
    assert first == again != other


def test_a_mixture_goes_on_where_it_stood():
    source = mixed()
    list(islice(source, 7))
    position = json.loads(json.dumps(source.position()))
    wanted = list(islice(source, 5))
    resumed = mixed()
    resumed.seek(position)
    assert list(islice(resumed, 5)) == wanted
    assert resumed.epochs == source.epochs


def test_another_mixture_refuses_the_position():
    position = mixed().position()
    with pytest.raises(CheckpointError, match="shares"):
        mixed(Equal()).seek(position)
    with pytest.raises(CheckpointError, match="rows = 10, this has 11"):
        mixed(batch=11).seek(position)


def test_what_cannot_be_mixed_is_refused():
    with pytest.raises(DataError, match="from 0 sets"):
        Mixed([], 4, mixing=Equal(), seed=0)
    with pytest.raises(DataError, match="no examples"):
        Mixed([[], []], 4, mixing=BY_SIZE, seed=0)
    with pytest.raises(ConfigError, match="a temperature of 0"):
        Proportional(temperature=0)
