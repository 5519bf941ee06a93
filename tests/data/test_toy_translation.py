"""The toy languages: rules seen from outside, gold alignments, and sides that never meet."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from practicum.data.toy_translation import FIRST, AlignedPair, ToyTranslation
from practicum.errors import ConfigError, DataError

TOY = ToyTranslation()
THE, SOME = FIRST, FIRST + 1
seeds = st.integers(0, 2**63)


@settings(deadline=None, max_examples=10)
@given(seeds, st.sampled_from([TOY, ToyTranslation(words=60, longest=12, language=4)]))
def test_each_target_word_says_the_source_word_it_is_aligned_to(seed, toy):
    said: dict[int, set[int]] = {}
    for pair in toy.pairs(40, side="train", seed=seed):
        assert len(pair.source) == len(pair.target)
        assert sorted(pair.alignment) == list(range(len(pair.source)))
        assert all(FIRST <= word < toy.source_vocab for word in pair.source)
        assert all(FIRST <= word < toy.target_vocab for word in pair.target)
        for word, place in zip(pair.target, pair.alignment, strict=True):
            said.setdefault(pair.source[place], set()).add(word)
    for word, targets in said.items():
        assert len(targets) <= (2 if word in (THE, SOME) else 1)
    assert sum(map(len, said.values())) == len(set().union(*said.values())), "no two share a word"


def test_a_noun_comes_before_its_adjectives_and_a_verb_last():
    n, a, v = TOY.nouns, TOY.adjectives, TOY.verbs
    alone, transitive = v[0], v[-1]
    source = (THE, a[3], a[1], n[5], transitive, SOME, a[0], n[2], THE, n[5], alone)
    pair = TOY.translate(source)
    assert pair.alignment == (0, 3, 1, 2, 5, 7, 6, 4, 8, 9, 10)
    text, translation = TOY.text(pair)
    assert text == f"the a3 a1 n5 v{len(v) - 1} some a0 n2 the n5 v0"
    forms = ["fm"[TOY.gender(noun)] for noun in (n[5], n[2])]
    assert translation == (
        f"THE{forms[0]} N5 A3 A1 SOME{forms[1]} N2 A0 V{len(v) - 1} THE{forms[0]} N5 V0"
    )


def test_an_article_agrees_with_a_noun_up_to_three_words_later():
    genders = [TOY.gender(noun) for noun in TOY.nouns]
    assert Counter(genders) == {0: len(genders) - len(genders) // 2, 1: len(genders) // 2}
    f, m = (TOY.nouns[genders.index(gender)] for gender in (0, 1))
    adjectives, verb = (TOY.adjectives[0], TOY.adjectives[1]), TOY.verbs[0]
    for between in ((), adjectives[:1], adjectives):
        first, second = (TOY.translate((THE, *between, noun, verb)).target[0] for noun in (f, m))
        assert first != second


def test_every_length_comes_equally_often():
    pairs = TOY.pairs(110, side="held_out", seed=1)
    assert Counter(len(pair.source) for pair in pairs) == dict.fromkeys(range(3, 25), 5)


def test_draws_depend_on_seed_and_side_alone_and_a_longer_list_goes_on():
    first = TOY.pairs(50, side="train", seed=1)
    assert first == ToyTranslation().pairs(90, side="train", seed=1)[:50]
    assert first != TOY.pairs(50, side="train", seed=2)
    assert first != TOY.pairs(50, side="held_out", seed=1)


def test_what_is_learned_is_never_measured_on():
    learned = {pair.source for pair in TOY.pairs(1500, side="train", seed=1)}
    short = ToyTranslation(longest=5)
    measured = {pair.source for pair in TOY.pairs(100, side="held_out", seed=1)}
    measured |= {pair.source for pair in short.pairs(100, side="held_out", seed=2)}
    assert not learned & measured


def test_another_length_speaks_the_same_language_and_another_number_another_one():
    source = TOY.pairs(9, side="train", seed=0)[-1].source
    assert replace(TOY, longest=12).translate(source) == TOY.translate(source)
    assert replace(TOY, language=1).translate(source) != TOY.translate(source)


def test_the_lexicon_has_as_many_words_as_asked_for():
    for words in (12, 60, 100):
        toy = ToyTranslation(words=words)
        assert 2 + len(toy.nouns) + len(toy.adjectives) + len(toy.verbs) == words
        assert toy.source_vocab == words + 3
        assert toy.target_vocab == words + 5  # two articles in two genders
    drawn = TOY.pairs(600, side="train", seed=0)
    assert {word for pair in drawn for word in pair.source} == set(range(3, 103))
    assert {word for pair in drawn for word in pair.target} == set(range(3, 105))


def test_the_pair_alone_has_no_alignment():
    pair = AlignedPair((3,), (4,), (0,))
    assert pair.tokens == ((3,), (4,))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ((THE,), "no phrase .* at word 0"),
        ((THE, TOY.nouns[0]), "no verb at word 2"),
        ((THE, TOY.nouns[0], TOY.verbs[-1]), "no phrase .* at word 3"),
        ((TOY.nouns[0], TOY.verbs[0]), "no phrase .* at word 0"),
        ((THE, *[TOY.adjectives[0]] * 3, TOY.nouns[0], TOY.verbs[0]), "no phrase"),
        ((THE, TOY.verbs[0], TOY.nouns[0]), "no phrase"),
    ],
)
def test_what_is_no_sentence_is_refused(source, message):
    with pytest.raises(DataError, match=message):
        TOY.translate(source)


def test_descriptions_without_sentences_are_refused():
    with pytest.raises(ConfigError, match="sentences of 2 to 24 words"):
        ToyTranslation(shortest=2)
    with pytest.raises(ConfigError, match="sentences of 9 to 8 words"):
        ToyTranslation(shortest=9, longest=8)
    with pytest.raises(ConfigError, match="expected at least 12"):
        ToyTranslation(words=11)
