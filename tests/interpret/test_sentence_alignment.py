"""Sentences aligned word by word, by every kind of translator."""

import numpy as np
import pytest

from practicum.data.parallel import SentencePair
from practicum.data.word_links import Link
from practicum.decoding.translate import Translator
from practicum.errors import ModelError
from practicum.interpret.sentence_alignment import (
    SentenceAlignment,
    Span,
    align_sentences,
    aligning,
)
from practicum.models.build import build
from practicum.models.families.bahdanau import rnnencdec, rnnsearch
from practicum.models.families.transformer import transformer
from practicum.tokenizers.bytes import ByteTokenizer

BYTES = ByteTokenizer()
VOCABS = {"source_vocab": BYTES.size, "target_vocab": BYTES.size}
SMALL = {**VOCABS, "embedding": 6, "width": 8, "units": 5}
MODELS = {
    "recurrent": build(rnnsearch(**SMALL), seed=1),
    "transformer": build(transformer(width=16, depth=2, heads=2, vocab=BYTES.size, context=60)),
}
PAIRS = [SentencePair("a cat and a dog", "un chat"), SentencePair("yes", "oui oui")]


@pytest.mark.parametrize("name", MODELS)
def test_words_are_aligned_whatever_their_tokens(name: str):
    translator = Translator(model=MODELS[name], source=BYTES, target=BYTES)
    first, second = align_sentences(translator, PAIRS)
    assert (first.source, first.target) == (("a", "cat", "and", "a", "dog"), ("un", "chat"))
    assert first.weights.shape == (2, 5)
    assert (first.weights.sum(1) < 1).all(), "spaces got some"
    np.testing.assert_allclose(second.weights, 1, rtol=1e-5)
    assert second.links == {Link(0, 0), Link(0, 1)}
    (tokens, _) = align_sentences(translator, PAIRS, whole_words=False)
    assert tokens.weights.shape == (len("un chat"), len("a cat and a dog"))
    np.testing.assert_allclose(tokens.weights.sum(1), 1, rtol=1e-5)


def test_words_that_nobody_looked_at_are_named():
    weights = np.array([[0.9, 0.05, 0.05, 0.0], [0.1, 0.0, 0.0, 0.9]])
    one = SentenceAlignment(
        source=("the", "old", "grey", "cow"), target=("x", "y"), weights=weights
    )
    assert one.unread(words=2) == (Span(start=1, words=("old", "grey"), coverage=0.05),)
    assert one.unread(words=3) == ()


def test_networks_that_do_not_look_say_so():
    translator = Translator(model=build(rnnencdec(**SMALL)), source=BYTES, target=BYTES)
    with pytest.raises(ModelError, match="sees its source as one vector"):
        align_sentences(translator, PAIRS)
    with pytest.raises(ModelError, match="no layers; leave --layer out"):
        aligning(MODELS["recurrent"], 1)
    with pytest.raises(ModelError, match="no block 5"):
        aligning(MODELS["transformer"], 5)
