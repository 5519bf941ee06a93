"""Looks are read at the right places, and cuts are made there."""

import torch

from practicum.data.coreference import NOUNS, PRONOUN, SECOND, WORDS, crossings
from practicum.interpret.answer_frames import answer_frames, draw_frames
from practicum.interpret.attention_figures import (
    fan_out,
    head_atlas,
    mask_triangle,
    pattern_grid,
    position_maps,
)
from practicum.interpret.pronoun import CUTS, looks, named_rightly, pronoun_weights
from practicum.models.build import build
from practicum.models.families.transformer import reader, transformer

MODEL = build(
    reader(width=16, depth=2, heads=2, vocab=len(WORDS), outputs=len(NOUNS), context=16), seed=1
)
SENTENCES = crossings("held_out")[:24]


def test_looks_are_means_over_the_sentences_of_the_noun_that_is_meant():
    found, weights = looks(MODEL, SENTENCES), pronoun_weights(MODEL, SENTENCES)
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 24, 2))
    second = [n for n, one in enumerate(SENTENCES) if one.referent == one.second]
    alone = looks(MODEL, [SENTENCES[n] for n in second])
    torch.testing.assert_close(alone.referent, weights[:, second][..., SECOND].mean(1))
    assert found.referent[-1, found.finder] == found.referent[-1].max()


def test_cuts_leave_the_rest_in_place():
    places = {place for cut in CUTS.values() for place in cut}
    assert places == set(range(12)) - {PRONOUN}
    whole = named_rightly(MODEL, SENTENCES)
    assert 0 <= whole <= 1
    assert 0 <= named_rightly(MODEL, SENTENCES, cut=CUTS["nouns"]) <= 1


def test_an_answer_has_a_frame_for_each_word_and_all_drawings_can_be_drawn(tmp_path):
    model = build(transformer(width=16, depth=1, heads=2, vocab=20, context=12), seed=1)
    frames = answer_frames(model, [4, 5, 6], begin=1, end=2)
    assert 1 <= len(frames) <= 12
    for frame in frames:
        assert frame.looks.shape == (2, 3)
        assert frame.candidates[0][1] >= frame.candidates[1][1]
    figures = [
        draw_frames(frames, ["a", "b", "c"], [str(n) for n in range(20)], "answer"),
        position_maps(5, 16),
        fan_out(torch.rand(2, 3, 4), ["a", "b", "c", "d"], 2, "fan"),
        pattern_grid(torch.rand(4, 3, 3), ["a", "b", "c"], title="grid"),
        head_atlas({"previous": torch.rand(3, 2), "first": torch.rand(3, 2)}),
        mask_triangle(),
    ]
    for number, figure in enumerate(figures):
        figure.savefig(tmp_path / f"{number}.png")
