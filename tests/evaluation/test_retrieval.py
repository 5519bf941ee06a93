"""What a retriever finds, and where it looks for it."""

from dataclasses import replace

import torch

from practicum.data.drawn import Drawn, fresh
from practicum.data.retrieval import Retrieval
from practicum.evaluation.retrieval import looked_at, share_right
from practicum.models.build import build
from practicum.models.retriever import Retriever, RetrieverModel
from practicum.nn.reader import Reader
from practicum.nn.scores import Location, ScaledDot, Score
from practicum.objectives.retrieval import Answering
from practicum.training.budget import Budget
from practicum.training.loop import fit

TASK = Retrieval(slots=4, keys=6, values=5)


def learned(task: Retrieval, score: Score, *, steps: int = 120) -> RetrieverModel:
    description = Retriever(
        mechanism=Reader(score=score),
        asked=task.questions,
        keys=6,
        values=5,
        slots=4,
        width=16,
        hidden=32,
    )
    model = build(description, seed=0)
    budget = Budget(steps=steps, batch=64, rate=2e-2)
    fit(model, Drawn(task, 64, seed=0), Answering(), budget, seed=0)
    return model


def test_whoever_can_find_it_finds_it_and_is_seen_looking_there():
    model = learned(TASK, ScaledDot())
    assert share_right(model, fresh(TASK, 300, seed=0)) > 0.95
    assert torch.equal(looked_at(model, TASK, seed=3).argmax(1), torch.arange(4))
    by_place = replace(TASK, question="place")
    model = learned(by_place, Location())
    assert share_right(model, fresh(by_place, 300, seed=0)) > 0.95
    assert torch.equal(looked_at(model, by_place, seed=3).argmax(1), torch.arange(4))


def test_an_answer_that_is_always_right_and_one_that_never_is_are_counted():
    rows = fresh(TASK, 30, seed=0)
    model = learned(TASK, ScaledDot(), steps=1)
    with torch.no_grad():
        model.down.weight.zero_()
        model.down.bias.zero_()
        model.down.bias[2] = 1.0
    right = [row for row in rows if row.answer == 2]
    assert share_right(model, right) == 1.0
    assert share_right(model, [row for row in rows if row.answer != 2], batch=7) == 0.0
