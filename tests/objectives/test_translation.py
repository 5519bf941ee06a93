"""Teacher forcing: padding is neither looked at nor scored, smoothing is the kernel's."""

import pytest
import torch
from torch.nn import functional as F

from practicum.data.parallel import TokenPair
from practicum.errors import DataError
from practicum.kernels.cross_entropy import IGNORED
from practicum.kernels.label_smoothing import EvenSmoothing
from practicum.models.build import build
from practicum.models.families.transformer import transformer
from practicum.objectives.translation import Translation
from practicum.seeding import stream

PAIRS = [
    TokenPair((5, 6, 7), (8, 9)),
    TokenPair((5,), (4, 4, 4, 4)),
    TokenPair((9, 8, 7, 6, 5), ()),
]
NO_DRAWS = stream(0, "none")


@pytest.fixture
def model():
    shape = {"width": 16, "depth": 1, "heads": 2, "vocab": 12, "context": 10, "dropout": 0.0}
    return build(transformer(**shape), seed=1)


def test_the_decoder_reads_begin_and_the_target_and_is_to_say_it_and_the_end():
    batch = Translation(begin=1, end=2).prepare(PAIRS, NO_DRAWS)
    assert batch.source.tolist() == [[5, 6, 7, 0, 0], [5, 0, 0, 0, 0], [9, 8, 7, 6, 5]]
    assert batch.real.sum(1).tolist() == [3, 1, 5]
    assert batch.target.tolist() == [[1, 8, 9, 0, 0], [1, 4, 4, 4, 4], [1, 0, 0, 0, 0]]
    x = IGNORED
    assert batch.wanted.tolist() == [[8, 9, 2, x, x], [4, 4, 4, 4, 2], [2, x, x, x, x]]
    assert (batch.count, batch.tokens) == (9, 18)


@pytest.mark.parametrize("smoothing", [None, EvenSmoothing(share=0.1)])
def test_the_loss_of_a_batch_is_that_of_its_pairs(model, smoothing):
    objective = Translation(begin=1, end=2, smoothing=smoothing)
    whole = objective.loss(model, objective.prepare(PAIRS, NO_DRAWS))
    alone = [objective.loss(model, objective.prepare([pair], NO_DRAWS)) for pair in PAIRS]
    torch.testing.assert_close(whole.total, torch.stack([one.total for one in alone]).sum())
    assert whole.count == sum(one.count for one in alone) == 9


def test_smoothing_is_that_of_torch(model):
    objective = Translation(begin=1, end=2, smoothing=EvenSmoothing(share=0.1))
    batch = objective.prepare(PAIRS, NO_DRAWS)
    logits = model(batch.source, batch.target, batch.real).flatten(0, 1)
    wanted = batch.wanted.flatten()
    expected = F.cross_entropy(logits, wanted, label_smoothing=0.1, reduction="sum")
    torch.testing.assert_close(objective.loss(model, batch).total, expected)


def test_a_pair_without_a_source_is_refused():
    with pytest.raises(DataError, match="no tokens"):
        Translation(begin=1, end=2).prepare([TokenPair((), (3,))], NO_DRAWS)
