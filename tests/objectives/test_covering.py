"""Every source word is to be looked at once: the penalty of what is read too often or never."""

import pytest
import torch

from practicum.data.parallel import TokenPair
from practicum.errors import ConfigError
from practicum.models.build import build
from practicum.models.families.bahdanau import rnnsearch
from practicum.objectives.covering import Covering
from practicum.objectives.translation import Translation

MODEL = build(rnnsearch(source_vocab=9, target_vocab=9, embedding=4, width=5, units=4), seed=1)
PLAIN = Translation(begin=1, end=0)
PAIRS = [TokenPair((2, 3, 4), (3,)), TokenPair((5,), (6, 7, 8))]


def test_what_is_added_is_the_equation_over_real_words_and_steps():
    covering = Covering(translation=PLAIN, share=0.5)
    batch = covering.prepare(PAIRS, torch.Generator())
    loss, plain = covering.loss(MODEL, batch), PLAIN.loss(MODEL, batch)
    weights = MODEL.alignments(batch.source, batch.target, batch.real)
    missed = 0.0
    for row, (words, steps) in enumerate([(3, 2), (1, 4)]):
        for j in range(words):
            missed += (1 - sum(weights[row, i, j].item() for i in range(steps))) ** 2
    assert loss.count == plain.count == 6
    assert loss.parts["missed"].item() == pytest.approx(missed, rel=1e-5)
    assert loss.total.item() == pytest.approx(plain.total.item() + 0.5 * missed, rel=1e-5)


def test_it_moves_the_search_towards_what_was_missed():
    batch = PLAIN.prepare(PAIRS, torch.Generator())
    weight = MODEL.get_parameter("search.score.query.weight")
    missed = lambda share: Covering(translation=PLAIN, share=share).loss(MODEL, batch).total
    (more,) = torch.autograd.grad(missed(2.0), weight)
    (less,) = torch.autograd.grad(missed(1.0), weight)
    (none,) = torch.autograd.grad(missed(0.0), weight)
    torch.testing.assert_close(more - less, less - none)
    assert (less - none).abs().max() > 0


def test_a_negative_share_is_refused():
    with pytest.raises(ConfigError, match="share is -1"):
        Covering(translation=PLAIN, share=-1.0)
