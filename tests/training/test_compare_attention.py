"""Which attention pays off: on words that have to be repeated backwards, one that can look back."""

import pytest
import torch

from practicum.data.copying import BEGIN, END, Copying
from practicum.data.drawn import fresh
from practicum.data.parallel import TokenPair
from practicum.errors import ConfigError, DataError
from practicum.models.build import build
from practicum.models.families.bahdanau import rnnencdec, rnnsearch
from practicum.models.pointing_translator import PointingTranslator
from practicum.training.budget import Budget
from practicum.training.compare_attention import compare_attention, mechanisms

TASK = Copying(order="reverse", symbols=8, length=5)
BRIEF = Budget(steps=2, batch=8, rate=1e-3)
SIZE = {"source_vocab": 9, "target_vocab": 9, "embedding": 6, "width": 6, "units": 6}


def test_whoever_may_point_back_wins_where_all_is_repeated():
    budget = Budget(steps=40, batch=16, rate=2e-2)
    some = {name: mechanisms(16)[name] for name in ("none", "pointer")}
    trials = compare_attention(
        fresh(TASK, 1000, seed=0),
        fresh(TASK, 60, seed=1),
        vocab=TASK.vocab,
        begin=BEGIN,
        end=END,
        width=16,
        budget=budget,
        seed=0,
        compared=some,
    )
    assert [trial.name for trial in trials] == ["pointer", "none"]
    assert trials[0].nats < trials[1].nats - 0.2
    assert trials[0].right > trials[1].right
    assert trials[0].entropy is not None
    assert trials[1].entropy is None
    assert all(trial.milliseconds > 0 and trial.parameters > 0 for trial in trials)


def test_a_pointer_is_left_out_where_there_is_nothing_to_point_at():
    pairs = [TokenPair((2, 3), (3, 2)), TokenPair((2, 4), (3,))]
    trials = compare_attention(pairs, pairs, vocab=9, begin=1, end=0, width=4, budget=BRIEF, seed=0)
    assert {trial.name for trial in trials} == set(mechanisms(4)) - {"pointer"}


def test_ids_beyond_the_vocabulary_are_said_in_one_line():
    pairs = [TokenPair((2, 9), (3,))]
    with pytest.raises(DataError, match="has id 9; expected ids from 0 to 8"):
        compare_attention(pairs, pairs, vocab=9, begin=1, end=0, budget=BRIEF, seed=0)


def test_a_word_is_as_likely_as_the_places_that_hold_it():
    translator = build(rnnsearch(**SIZE), seed=1, dtype=torch.float64)
    source, target = torch.tensor([[3, 5, 3, 0]]), torch.tensor([[1, 3]])
    weights = translator.alignments(source, target)[0]
    p = PointingTranslator(translator)(source, target)[0].exp()
    torch.testing.assert_close(p[:, 3], weights[:, 0] + weights[:, 2], atol=1e-8, rtol=0)
    torch.testing.assert_close(p[:, 5], weights[:, 1], atol=1e-8, rtol=0)
    assert (p[:, [1, 2, 4, 6, 7, 8]] < 1e-8).all()
    torch.testing.assert_close(p.sum(1), torch.ones(2).double(), atol=1e-7, rtol=0)


def test_stepping_equals_reading_at_once_and_rows_may_be_selected():
    model = PointingTranslator(build(rnnsearch(**SIZE), seed=1, dtype=torch.float64))
    source, target = (
        torch.tensor([[3, 5, 3, 0], [4, 0, 7, 7]]),
        torch.tensor([[1, 3, 5], [1, 4, 2]]),
    )
    real = torch.tensor([[True] * 4, [True, True, False, False]])
    whole, state = model(source, target, real), model.start(source, real, 3)
    torch.testing.assert_close(model.step(state, target[:, 0]), whole[:, 0])
    state.select([1, 0, 1])
    for t in (1, 2):
        said = model.step(state, target[[1, 0, 1], t])
        torch.testing.assert_close(said, whole[[1, 0, 1], t])


def test_without_a_search_there_is_nothing_to_point_with():
    with pytest.raises(ConfigError, match="give it a Reader"):
        PointingTranslator(build(rnnencdec(**SIZE), seed=1))
