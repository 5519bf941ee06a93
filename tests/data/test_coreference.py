"""Sentences mean what they say in both languages; held-out pairs are never learned from."""

import numpy as np

from practicum.data.adjectives import (
    FIRST_ADJECTIVE,
    FIRST_FILLER,
    LENGTH,
    QUESTION,
    VOCAB,
    AdjectivesOfNouns,
    is_noun,
)
from practicum.data.coreference import (
    IDS,
    NOUNS,
    PRONOUN,
    WORDS,
    Coreference,
    Crossing,
    asked,
    crossings,
)
from practicum.data.gendered_translation import (
    SOURCE_WORDS,
    TARGET_WORDS,
    GenderedTranslation,
    gender,
    pair,
    rendered,
    source_text,
    target_text,
)

ANIMAL = Crossing("animal", "street", "tired")


def test_the_adjective_alone_decides_what_it_is():
    assert " ".join(ANIMAL.words) == (
        "the animal did not cross the street because it was too tired"
    )
    assert ANIMAL.referent == "animal"
    assert ANIMAL._replace(adjective="wide").referent == "street"
    placed = asked(ANIMAL._replace(adjective="wide"))
    assert WORDS[placed.ids[placed.place]] == "it"
    assert placed.place == PRONOUN
    assert NOUNS[placed.answer] == "street"


def test_a_fifth_of_the_pairs_of_nouns_is_held_out_in_either_order():
    sides = {side: crossings(side) for side in ("train", "held_out")}
    assert len(sides["train"]) + len(sides["held_out"]) == 12 * 11 * 12
    assert len(sides["held_out"]) == 13 * 2 * 12
    pairs = {side: {frozenset(one[:2]) for one in every} for side, every in sides.items()}
    assert not pairs["train"] & pairs["held_out"]
    for place in (0, 1):
        assert {one[place] for one in sides["train"]} == set(NOUNS), "each noun in each place"


def test_draws_are_of_their_side_and_given_by_the_generator():
    drawn = Coreference(side="held_out").draw(20, np.random.default_rng(1))
    assert drawn == Coreference(side="held_out").draw(20, np.random.default_rng(1))
    assert set(drawn) <= {asked(one) for one in crossings("held_out")}


def test_the_translation_agrees_with_the_noun_that_is_meant():
    assert " ".join(rendered(ANIMAL)) == (
        "THE.m ANIMAL CROSS THE.f STREET NOT BECAUSE IT.m TOO TIRED.m WAS"
    )
    assert rendered(ANIMAL._replace(adjective="wide"))[-4:] == ("IT.f", "TOO", "WIDE.f", "WAS")
    assert {gender(noun) for noun in NOUNS} == {"m", "f", "n"}


def test_ids_are_those_of_the_words():
    both = pair(ANIMAL)
    assert source_text(both.source) == list(ANIMAL.words)
    assert target_text(both.target) == list(rendered(ANIMAL))
    assert len(SOURCE_WORDS) == len(IDS) + 3
    assert len(set(TARGET_WORDS)) == len(TARGET_WORDS)
    drawn = GenderedTranslation().draw(5, np.random.default_rng(2))
    assert set(drawn) <= {pair(one) for one in crossings("train")}


def test_the_adjective_that_is_wanted_stands_before_the_noun_that_is_asked_for():
    texts = AdjectivesOfNouns().draw(50, np.random.default_rng(3))
    for ids, place, answer in texts:
        assert len(ids) == LENGTH == 14
        assert place == 13
        assert ids[12] == QUESTION == VOCAB - 1
        assert is_noun(ids[13])
        assert ids[ids.index(ids[13]) - 1] == answer
        named = [word for word in ids[:12] if word < FIRST_FILLER]
        assert len(set(named)) == len(named) == 6
        assert FIRST_ADJECTIVE <= answer < FIRST_FILLER
    assert len({tuple(map(is_noun, one.ids)) for one in texts}) > 20, "the gaps vary"
