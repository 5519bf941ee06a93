"""The tree holds every ranked branch, its likelihoods are the model's, its best path the answer."""

import math

import pytest
import torch

from practicum.decoding.beam import Beam
from practicum.decoding.translate import translate
from practicum.interpret.beam_tree import tree_of_continuation, tree_of_translation
from practicum.models.build import build
from practicum.models.families.llama import llama
from practicum.models.families.transformer import transformer

SOURCE = (5, 7, 9, 4)
BEAM = Beam(width=3, alpha=0.6)


@pytest.fixture(scope="module")
def translator():
    return build(transformer(width=32, depth=2, heads=4, vocab=20, context=24), seed=1)


def test_the_best_path_is_the_translation(translator):
    found = tree_of_translation(translator, SOURCE, begin=1, end=2, beam=BEAM, longest=8)
    best = translate(translator, [SOURCE], begin=1, end=2, beam=BEAM, extra=4)[0]
    assert [one.ids for one in found.answers] == [one.ids for one in best]
    path, node = [], found.root
    while any(child.best for child in node.children):
        node = next(child for child in node.children if child.best)
        path.append(node.id)
    assert tuple(path) == found.answers[0].ids
    assert node.logprob == pytest.approx(found.answers[0].logprob, abs=1e-5)


def test_every_step_ranks_twice_the_width_and_keeps_the_width(translator):
    found = tree_of_translation(translator, SOURCE, begin=1, end=2, beam=BEAM, longest=8)
    assert len(found.root.children) == 6
    nodes = list(found.root)[1:]
    assert sum(node.fate == "kept" for node in found.root.children) == 3
    assert all(node.fate == "kept" for node in nodes if node.children)
    assert all(child.logprob <= node.logprob for node in found.root for child in node.children)


@torch.no_grad()
def test_likelihoods_in_a_continuations_tree_are_the_models():
    model = build(llama(width=32, depth=2, heads=4, vocab=20, context=24, hidden=48), seed=1)
    found = tree_of_continuation(model, [3, 8, 1], end=2, beam=Beam(width=2), longest=4)
    for first in found.root.children:
        log_p = model(torch.tensor([[3, 8, 1]]))[0, -1].log_softmax(-1)
        assert math.isclose(first.logprob, float(log_p[first.id]), abs_tol=1e-4)
        for second in first.children:
            later = model(torch.tensor([[3, 8, 1, first.id]]))[0, -1].log_softmax(-1)
            total = first.logprob + float(later[second.id])
            assert math.isclose(second.logprob, total, abs_tol=1e-4)
    assert len(tree_of_continuation(model, [3], end=2, beam=Beam(width=2), longest=2).answers) == 2
