"""Scores of text, with the signatures that make them comparable."""

import pytest

from practicum.errors import DataError
from practicum.evaluation.bleu import Floor, bleu
from practicum.evaluation.translation import score_translations

SAID = ["the cat sat on a mat", "there is no dog in the garden"]
RIGHT = ["the cat sat on the mat", "there is no dog in this garden"]


def test_the_scores_say_how_they_were_made():
    score = score_translations(SAID, RIGHT)
    assert "tok:13a|smooth:exp|version:2" in score.bleu_signature
    assert score.bleu_signature.startswith("nrefs:1|case:mixed")
    assert "nc:6|nw:0" in score.chrf_signature


def test_on_words_between_spaces_it_is_the_equation():
    ours = bleu(
        [text.split() for text in SAID],
        [[text.split()] for text in RIGHT],
        smoothing=Floor(),  # every order has a match here, so nothing is smoothed
    )
    assert score_translations(SAID, RIGHT).bleu == pytest.approx(ours.score)


def test_a_perfect_translation_has_100_and_another_text_almost_nothing():
    perfect = score_translations(RIGHT, RIGHT)
    assert (perfect.bleu, perfect.chrf) == (pytest.approx(100), pytest.approx(100))
    assert score_translations(["xyz", "q"], RIGHT).bleu == pytest.approx(0, abs=1e-6)


def test_languages_without_spaces_are_scored_by_characters():
    said, right = ["元始に神天地を創造たまへり"], ["元始に神天地を創りたまへり"]
    assert score_translations(said, right).bleu == pytest.approx(0, abs=1e-6)
    assert score_translations(said, right, words="char").bleu > 50


def test_translations_without_their_references_are_refused():
    with pytest.raises(DataError, match="2 translations and 1 references"):
        score_translations(SAID, RIGHT[:1])
    with pytest.raises(DataError, match="no translations to score"):
        score_translations([], [])
