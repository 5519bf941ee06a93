"""The soft alignment of pairs in batches is that of each pair alone."""

import numpy as np
import pytest
import torch

from practicum.data.parallel import TokenPair
from practicum.errors import DataError
from practicum.evaluation.forced_alignment import forced_alignments
from practicum.models.build import build
from practicum.models.families.bahdanau import rnnsearch

MODEL = build(rnnsearch(source_vocab=9, target_vocab=9, embedding=4, width=5, units=3), seed=0)
PAIRS = [
    TokenPair((3, 4, 5, 6), (5, 4)),
    TokenPair((7,), (3, 3, 3)),
    TokenPair((5, 8), (6, 7, 8, 3, 4)),
]


def test_every_target_word_has_the_weights_of_its_own_sources_words():
    found = forced_alignments(MODEL, PAIRS, begin=1, batch=2)
    for (source, target), weights in zip(PAIRS, found, strict=True):
        read = torch.tensor([[1, *target[:-1]]])
        alone = MODEL.alignments(torch.tensor([source]), read)[0].detach().numpy()
        np.testing.assert_allclose(weights, alone, rtol=1e-5)
        np.testing.assert_allclose(weights.sum(1), 1, rtol=1e-5)


def test_an_empty_side_is_refused():
    with pytest.raises(DataError, match="no alignment; leave out empty lines"):
        forced_alignments(MODEL, [TokenPair((3,), ())], begin=1)
