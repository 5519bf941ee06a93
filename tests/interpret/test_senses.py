"""Neighbours of one meaning are found where there are some, and chance is chance."""

import pytest
import torch

from practicum.data.senses import ambiguous_words
from practicum.interpret.edits import with_pattern
from practicum.interpret.senses import (
    by_chance,
    neighbour_scores,
    same_sense,
    spread,
    word_states,
    word_vectors,
)
from practicum.models.build import build
from practicum.models.families.llama import llama
from practicum.seeding import stream
from practicum.tokenizers.bytes import ByteTokenizer

SENSES = [0, 0, 0, 1, 1, 1]


def test_every_word_has_two_senses_of_five_sentences_that_end_in_it():
    words = ambiguous_words()
    assert [word.word for word in words] == ["bank", "mole", "model", "spring"]
    for word in words:
        assert word.meant == (0,) * 5 + (1,) * 5
        assert all(sentence.split()[-1] == word.word for sentence in word.sentences)
        assert len(set(word.sentences)) == 10


def test_two_heaps_are_told_apart_however_large_what_they_share():
    noise = 0.1 * torch.randn(6, 4, generator=stream(1, "noise"))
    apart = torch.tensor([1.0, -1.0]).repeat_interleave(3)[:, None]
    vectors = 100 + noise + apart
    assert same_sense(vectors, SENSES) == 1
    assert same_sense(vectors, [0, 1, 0, 1, 0, 1]) < 1
    assert by_chance(vectors, SENSES, generator=stream(2, "deal")) == pytest.approx(0.4, abs=0.1)


def test_vectors_that_are_all_alike_have_no_nearest():
    assert same_sense(torch.ones(6, 4), SENSES) == 0.5
    assert spread(torch.ones(6, 4)) == 0


def test_words_of_a_network_start_alike_and_stay_so_where_places_see_themselves_alone():
    tokenizer = ByteTokenizer()
    model = build(
        llama(width=16, depth=2, heads=2, hidden=16, vocab=tokenizer.size, context=128), seed=1
    )
    words = ambiguous_words()[:1]
    states = word_states(model, tokenizer, words)
    assert states[0].shape == (3, 10, 16)
    assert spread(states[0][0]) == 0
    assert spread(states[0][2]) > 0
    assert neighbour_scores(states, words).shape == (1, 3)
    alone = word_states(model, tokenizer, words, [with_pattern("identity")])
    assert max(spread(vectors) for vectors in alone[0]) < 1e-6


def test_rare_words_weigh_more_and_words_of_every_sentence_nothing():
    vectors = word_vectors(["the bank", "the river bank", "the river"])
    bank, river, the = vectors.T
    assert not the.any()
    assert bank[0] > 0
    assert bank[2] == 0
    assert river[1] == bank[1]
