"""BLEU: the examples of its paper, sums done by hand, and what smoothing changes."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from practicum.errors import ConfigError, DataError
from practicum.evaluation.bleu import AddToHigher, Floor, Halving, NoSmoothing, bleu

sentences = st.lists(st.sampled_from("abcde"), min_size=4, max_size=12)
REFERENCES = [
    "it is a guide to action that ensures that the military will forever heed party commands",
    "it is the guiding principle which guarantees the military forces always being under the "
    "command of the party",
    "it is the practical guide for the army always to heed the directions of the party",
]


def words(text: str) -> list[str]:
    return text.split()


def test_the_words_of_a_reference_are_used_up():
    # Papineni et al., example 2: modified unigram precision 2/7
    found = bleu(
        [words("the the the the the the the")],
        [[words("the cat is on the mat"), words("there is a cat on the mat")]],
    )
    assert found.precisions == (2 / 7, 0, 0, 0)
    assert found.score == 0


def test_the_precisions_of_example_1_are_those_of_the_paper():
    good = "it is a guide to action which ensures that the military always obeys the commands of "
    bad = "it is to insure the troops forever hearing the activity guidebook that party direct"
    references = [[words(text) for text in REFERENCES]]
    first = bleu([words(good + "the party")], references)
    second = bleu([words(bad)], references)
    assert first.precisions[:2] == (17 / 18, 10 / 17)
    assert second.precisions[:2] == (8 / 14, 1 / 13)
    assert first.brevity == 1
    assert (first.said, first.wanted) == (18, 18)
    assert (second.said, second.wanted) == (14, 16)
    assert first.score > 50 > second.score == 0


@given(st.lists(sentences, min_size=1, max_size=5))
def test_a_perfect_translation_has_100(corpus):
    found = bleu(corpus, [[sentence] for sentence in corpus])
    assert found.score == pytest.approx(100)
    assert found.precisions == (1, 1, 1, 1)


def test_a_sum_done_by_hand():
    found = bleu([words("a b c d e f")], [[words("a b c d x e f g")]])
    assert found.precisions == (6 / 6, 4 / 5, 2 / 4, 1 / 3)
    assert found.brevity == math.exp(1 - 8 / 6)
    assert found.score == pytest.approx(100 * found.brevity * (4 / 5 * 2 / 4 * 1 / 3) ** 0.25)


def test_counts_are_summed_before_they_are_divided():
    # one good long sentence and one bad short one; the mean of the two scores would be 50
    found = bleu(
        [words("a b c d e f g h"), words("x y z w")],
        [[words("a b c d e f g h")], [words("p q r s")]],
    )
    assert found.precisions == (8 / 12, 7 / 10, 6 / 8, 5 / 6)
    assert found.score == pytest.approx(100 * (8 / 12 * 7 / 10 * 6 / 8 * 5 / 6) ** 0.25)


def test_of_several_references_the_closest_in_length_counts_and_of_two_the_shorter():
    said = [words("a b c d")]
    near = bleu(said, [[words("a b c d e f g"), words("a b c d e")]])
    tie = bleu(said, [[words("a b c d e"), words("a b c")]])
    assert (near.wanted, tie.wanted) == (5, 3)
    assert near.brevity == math.exp(1 - 5 / 4)
    assert tie.brevity == 1


@pytest.mark.parametrize(
    ("smoothing", "third", "fourth"),
    [
        (NoSmoothing(), 0, 0),
        (Floor(), 0.1 / 3, 0.1 / 2),
        (Floor(matches=0.5), 0.5 / 3, 0.5 / 2),
        (AddToHigher(), 1 / 4, 1 / 3),
        (Halving(), 1 / (2 * 3), 1 / (4 * 2)),
    ],
)
def test_smoothing_says_what_stands_for_no_match(smoothing, third, fourth):
    found = bleu([words("a b x c d")], [[words("a b y c d")]], smoothing=smoothing)
    second = 3 / 5 if smoothing == AddToHigher() else 2 / 4
    assert found.precisions == pytest.approx((4 / 5, second, third, fourth))
    assert found.score == pytest.approx(100 * math.prod((4 / 5, second, third, fourth)) ** 0.25)


@pytest.mark.parametrize("smoothing", [NoSmoothing(), Floor(), AddToHigher(), Halving()])
def test_smoothing_gives_nothing_to_a_translation_without_a_match(smoothing):
    found = bleu([words("a b c d e")], [[words("v w x y z")]], smoothing=smoothing)
    assert found.score == 0
    assert bleu([[]], [[words("v w")]], smoothing=smoothing).brevity == 0


@pytest.mark.parametrize("smoothing", [NoSmoothing(), Floor(), AddToHigher(), Halving()])
def test_orders_of_which_nothing_was_said_can_be_left_out(smoothing):
    said, references = [words("a b")], [[words("a b")]]
    assert bleu(said, references, smoothing=smoothing).score == 0
    effective = bleu(said, references, smoothing=smoothing, effective=True)
    assert effective.score == pytest.approx(100)


@given(sentences, sentences)
def test_words_may_be_ids(translation, reference):
    ids = [[ord(word) for word in sentence] for sentence in (translation, reference)]
    assert bleu([translation], [[reference]]) == bleu([ids[0]], [[ids[1]]])


def test_what_makes_no_sense_is_refused():
    with pytest.raises(DataError, match="2 translations and references for 1"):
        bleu([["a"], ["b"]], [[["a"]]])
    with pytest.raises(DataError, match="no translations to score"):
        bleu([], [])
    with pytest.raises(DataError, match="translation 1 has no reference"):
        bleu([["a"]], [[]])
    for said, wanted in (("a b", [["a", "b"]]), (["a", "b"], ["a b"]), (["a", "b"], "a b")):
        with pytest.raises(DataError, match="is a string; expected a list of words"):
            bleu([said], [wanted])
    with pytest.raises(ConfigError, match="order 0 does not exist"):
        bleu([["a"]], [[["a"]]], order=0)
    with pytest.raises(ConfigError, match="Floor.matches is 0"):
        Floor(matches=0.0)
    with pytest.raises(ConfigError, match="AddToHigher.count is 0"):
        AddToHigher(count=0.0)
