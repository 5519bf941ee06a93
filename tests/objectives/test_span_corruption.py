"""Span corruption: nothing is lost, the counts are the paper's, all splits are alike."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from practicum.errors import ConfigError, DataError
from practicum.objectives.span_corruption import Sentinels, SpanCorruption, cut_out, filled_in
from practicum.seeding import stream

TEXT = 32_000  # ids below are text, those from here on sentinels


@given(
    length=st.integers(2, 400),
    rate=st.sampled_from([0.1, 0.15, 0.25, 0.5]),
    mean=st.sampled_from([1.0, 2.0, 3.0, 5.0, 10.0]),
    seed=st.integers(0, 10**6),
)
def test_source_and_target_are_the_text_and_as_long_as_told(length, rate, mean, seed):
    rule = SpanCorruption(rate=rate, mean=mean, sentinels=Sentinels(first=TEXT + 511, count=512))
    ids = np.random.default_rng(seed).integers(TEXT, size=length)
    source, target = rule(ids, stream(seed, "spans"))
    assert filled_in(source, target, rule.sentinels) == ids.tolist()
    assert (len(source), len(target)) == rule.lengths(length)
    marks = [id for id in source if id in rule.sentinels]
    assert marks == [rule.sentinels.id(n) for n in range(len(marks))]  # they count down
    assert [id for id in target if id in rule.sentinels] == [*marks, rule.sentinels.id(len(marks))]
    assert rule.counts(length) == (sum(id not in rule.sentinels for id in target), len(marks))


def test_568_tokens_fill_a_source_of_512_with_its_end_and_a_target_of_114():
    rule = SpanCorruption()
    assert rule.raw_length(511) == 568
    assert rule.lengths(568) == (511, 114)
    source, target = rule(np.arange(568), stream(0, "text"))
    assert (len(source), len(target)) == (511, 114)
    assert min(target) < 568 <= max(target) == 32_099  # no id lies between text and sentinels


def test_the_example_of_the_paper():
    words = ["Thank", "you", "for", "inviting", "me", "to", "your", "party", "last", "week"]
    hidden = np.isin(words, ["for", "inviting", "last"])
    source, target = cut_out(np.arange(10), hidden, Sentinels(first=99, count=3))
    named = {99: "<X>", 98: "<Y>", 97: "<Z>"} | dict(enumerate(words))
    assert " ".join(named[id] for id in source) == "Thank you <X> me to your party <Y> week"
    assert " ".join(named[id] for id in target) == "<X> for inviting <Y> last <Z>"


def test_every_way_of_splitting_is_as_likely():
    rule, draws = SpanCorruption(rate=0.5, mean=2.0), stream(0, "splits")
    found = Counter(rule.hidden(8, draws).tobytes() for _ in range(1800))
    assert len(found) == 9  # 4 hidden and 4 kept tokens in two parts each: 3 · 3 ways
    assert all(140 < times < 260 for times in found.values())


def test_a_text_begins_with_what_is_kept_and_hidden_stretches_do_not_touch():
    rule = SpanCorruption()
    hidden = rule.hidden(200, stream(1, "mask"))
    starts = sum(not a and b for a, b in pairwise(hidden.tolist()))
    assert not hidden[0]
    assert hidden[-1]
    assert (hidden.sum(), starts) == (30, 10)


def test_what_a_model_forgets_to_say_leaves_nothing():
    sentinels = Sentinels(first=99, count=4)
    assert filled_in([1, 99, 2, 98, 3], [99, 7, 8, 97, 5], sentinels) == [1, 7, 8, 2, 3]
    assert filled_in([1, 99, 2], [5, 6], sentinels) == [1, 2]


def test_too_short_a_text_and_too_few_sentinels_are_refused():
    draws = stream(0, "none")
    with pytest.raises(DataError, match="give 2 or more"):
        SpanCorruption()(np.array([4]), draws)
    with pytest.raises(DataError, match="a source of 1 tokens"):
        SpanCorruption().raw_length(1)
    with pytest.raises(DataError, match="sentinel 2 is needed and there are 2"):
        SpanCorruption(sentinels=Sentinels(first=99, count=2))(np.arange(40), draws)
    with pytest.raises(ConfigError, match="rate between 0 and 1"):
        SpanCorruption(rate=1.0)
    with pytest.raises(ConfigError, match="200 sentinels down from id 99"):
        Sentinels(first=99, count=200)
