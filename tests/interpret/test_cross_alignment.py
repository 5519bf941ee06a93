"""Where a Transformer's decoder looks, as a soft alignment."""

import pytest
import torch

from practicum.data.parallel import TokenPair
from practicum.errors import ModelError
from practicum.evaluation.forced_alignment import forced_alignments
from practicum.interpret.cross_alignment import CrossAlignment
from practicum.models.build import build
from practicum.models.families.transformer import transformer

MODEL = build(transformer(width=16, depth=3, heads=2, vocab=12, context=20), seed=0)
SOURCE, TARGET = torch.tensor([[3, 4, 5, 6, 7], [8, 9, 0, 0, 0]]), torch.tensor([[1, 4], [1, 5]])
REAL = torch.tensor([[True] * 5, [True, True, False, False, False]])


@pytest.mark.parametrize("layer", [-3, -2, -1, 0, 1, 2])
def test_rows_are_shares_of_the_real_source_words(layer: int):
    weights = CrossAlignment(MODEL, layer).alignments(SOURCE, TARGET, REAL)
    assert weights.shape == (2, 2, 5)
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 2))
    assert (weights[1, :, 2:] == 0).all()


def test_layers_are_counted_from_either_end_and_differ():
    first, last = (CrossAlignment(MODEL, n).alignments(SOURCE, TARGET, REAL) for n in (0, -1))
    torch.testing.assert_close(CrossAlignment(MODEL, 2).alignments(SOURCE, TARGET, REAL), last)
    assert not torch.allclose(first, last)


def test_known_translations_are_aligned_as_by_any_model():
    pairs = [TokenPair((3, 4, 5), (6, 7)), TokenPair((8,), (9, 10, 11))]
    found = forced_alignments(CrossAlignment(MODEL), pairs, begin=1)
    assert [one.shape for one in found] == [(2, 3), (3, 1)]


def test_a_block_that_is_not_there_is_refused():
    with pytest.raises(ModelError, match="no block 3; it has 3, from 0 to 2"):
        CrossAlignment(MODEL, 3)
    with pytest.raises(ModelError, match="no block -4"):
        CrossAlignment(MODEL, -4)
