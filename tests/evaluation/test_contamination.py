import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from practicum.errors import ConfigError, DataError
from practicum.evaluation.bloom import BloomFilter
from practicum.evaluation.contamination import Ngrams, SeenText

words = st.lists(st.text(alphabet="abcXYZ09é", min_size=1, max_size=3), max_size=30)


def _keys(count, seed=0):
    return np.random.default_rng(seed).integers(2**64, size=(count, 2), dtype=np.uint64)


@settings(deadline=None)
@given(st.lists(st.tuples(*[st.integers(0, 2**64 - 1)] * 2), min_size=1, max_size=50))
def test_what_was_added_is_always_found(members):
    keys = np.array(members, dtype=np.uint64)
    seen = BloomFilter(len(keys))
    seen.add(keys)
    assert seen.contains(keys).all()


@pytest.mark.parametrize(("capacity", "rate"), [(20, 0.01), (300, 0.01), (5000, 0.001)])
def test_false_positives_are_as_rare_as_promised(capacity, rate):
    trials = 400_000
    found = 0
    for seed in range(4):  # one small filter may be lucky or not
        seen = BloomFilter(capacity, rate)
        seen.add(_keys(capacity, seed))
        found += seen.contains(_keys(trials // 4, 100 + seed)).sum()
    assert found / trials < 1.3 * rate


@pytest.mark.parametrize("capacity", [1, 10, 1000, 50_000])
def test_no_stranger_is_taken_for_a_member_at_one_in_a_hundred_million(capacity):
    seen = BloomFilter(capacity, 1e-8)
    seen.add(_keys(capacity))
    assert not seen.contains(_keys(300_000, seed=1)).any()


def test_the_size_is_what_the_formula_says():
    seen = BloomFilter(1_000_000, 1e-8)
    assert seen.size == pytest.approx(38.34e6, rel=1e-3)  # −n ln p / (ln 2)²
    assert seen.probes == 27
    assert seen.nbytes == -(-seen.size // 8)


def test_a_filter_that_would_break_its_promise_says_so():
    seen = BloomFilter(3)
    seen.add(_keys(3))
    with pytest.raises(ConfigError, match="4 members exceed the Bloom filter's capacity of 3"):
        seen.add(_keys(1, seed=2))
    with pytest.raises(ConfigError, match="rate between 0 and 1"):
        BloomFilter(10, 1.0)


@settings(deadline=None)
@given(words, words)
def test_equal_word_sequences_and_only_they_have_equal_keys(one, other):
    ngrams = Ngrams(3)
    spaced, cut = " ".join(one), ", ".join(word.upper() for word in one) + "!"
    assert np.array_equal(ngrams(spaced), Ngrams(3)(cut))
    assert len(ngrams(spaced)) == max(0, len(one) - 2)
    low = [[word.lower() for word in text] for text in (one, other)]
    grams = [{tuple(text[i : i + 3]) for i in range(len(text) - 2)} for text in low]
    keys = [{tuple(key) for key in ngrams(" ".join(text)).tolist()} for text in low]
    assert len(grams[0] & grams[1]) == len(keys[0] & keys[1])


@settings(deadline=None)
@given(st.lists(words.map(" ".join), max_size=4), st.lists(words.map(" ".join), max_size=4))
def test_the_overlap_is_the_exact_one(train, test):
    def grams(text):
        split = text.lower().split()
        return [tuple(split[i : i + 8]) for i in range(len(split) - 7)]

    known = {gram for text in train for gram in grams(text)}
    asked = [gram for text in test for gram in grams(text)]
    overlap = SeenText(train).overlap(test)
    assert overlap.total == len(asked)
    assert overlap.found == sum(gram in known for gram in asked)


def test_the_percentage_counts_occurrences_within_documents():
    text = "one two three four five six seven eight nine"
    overlap = SeenText([text]).overlap([text, "zero " + text[:-5], "one two three"])
    assert (overlap.found, overlap.total) == (3, 4)
    assert overlap.percent == 75.0
    assert SeenText([text]).overlap(["too short"]).percent is None


def test_texts_read_once_need_a_capacity_that_holds():
    text = " ".join(map(str, range(100)))
    seen = SeenText(iter([text]), capacity=93)
    assert seen.overlap([text]).percent == 100.0
    with pytest.raises(ConfigError, match="exceed"):
        SeenText(iter([text]), capacity=92)


def test_ngrams_of_no_words_are_refused():
    with pytest.raises(DataError, match="at least 1"):
        Ngrams(0)
