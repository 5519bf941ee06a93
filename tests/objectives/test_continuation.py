"""Source, separator and target are one text, of which the target alone is asked for."""

import pytest
import torch
from torch.nn import functional as F

from practicum.data.parallel import TokenPair
from practicum.decoding.model import prefill, step
from practicum.interpret.edited import Edited
from practicum.interpret.edits import blocked
from practicum.kernels.cross_entropy import IGNORED
from practicum.models.build import build
from practicum.models.families.gpt2 import gpt2
from practicum.objectives.continuation import Continuation, exactly_continued, sees_source
from practicum.seeding import stream

TASK = Continuation(begin=1, end=2, shift=10)
PAIRS = [TokenPair((5, 6, 7), (3, 4)), TokenPair((8,), (9, 3, 5))]
NO_DRAWS = stream(0, "none")
X = IGNORED


@pytest.fixture(scope="module")
def model():
    return build(gpt2(width=16, depth=2, heads=2, vocab=20, context=12, std=0.4), seed=1)


def test_the_target_and_its_end_are_asked_for_after_the_separator():
    batch = TASK.prepare(PAIRS, NO_DRAWS)
    assert batch.words.tolist() == [[5, 6, 7, 1, 13, 14], [8, 1, 19, 13, 15, 0]]
    assert batch.wanted.tolist() == [[X, X, X, 13, 14, 2], [X, 19, 13, 15, 2, X]]
    assert batch.count == 7


def test_the_loss_is_that_of_the_words_asked_for(model):
    batch = TASK.prepare(PAIRS, NO_DRAWS)
    asked = batch.wanted != IGNORED
    total = F.cross_entropy(model(batch.words)[asked], batch.wanted[asked], reduction="sum")
    torch.testing.assert_close(TASK.loss(model, batch).total, total)


def test_one_reading_tells_what_greedy_decoding_would_say(model):
    for source in ((5, 6, 7), (3, 9, 4), (8, 8, 5)):
        logits, state = prefill(model, [[*source, 1]], 12)
        said = [int(logits.argmax())]
        for _ in range(3):
            said.append(int(step(model, torch.tensor(said[-1:]), state).argmax()))
        task = Continuation(begin=1, end=said[-1])
        right = TokenPair(source, tuple(said[:-1]))
        assert exactly_continued(model, task.batch([right])) == 1
        wrong = TokenPair(source, (*said[:-2], (said[-2] + 1) % 20))
        assert exactly_continued(model, task.batch([right, wrong])) == 0.5


def test_behind_the_wall_the_source_says_nothing(model):
    net = Edited(model, lambda words: [blocked(sees_source(words, 1))])
    words = TASK.batch(PAIRS[:1]).words
    other = words.clone()
    other[:, 1] = 9
    torch.testing.assert_close(net(words)[:, 3:], net(other)[:, 3:])
    assert (net(words)[:, 1:3] - net(other)[:, 1:3]).abs().max() > 1e-2
