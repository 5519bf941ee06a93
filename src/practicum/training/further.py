"""Learning on from where a model stands, without moving it: arms that begin at one base.

What one copy has learned is then compared with what another has, of as many steps: answers to
prompts (`taught`), or more of what the base has read, the control.
"""

import copy
from collections.abc import Iterable
from typing import Any

from practicum.data.loader import Loader
from practicum.models.decoder import DecoderModel
from practicum.objectives.objective import Objective
from practicum.objectives.solution import Solution, solved
from practicum.tokenizers.tokenizer import Tokenizer
from practicum.training.budget import Budget
from practicum.training.loop import Source, fit


def further(
    model: DecoderModel, source: Source, objective: Objective[Any], budget: Budget, *, seed: int
) -> DecoderModel:
    """A copy of `model` that has learned on. `source` goes on from where it stands."""
    learner = copy.deepcopy(model)
    fit(learner, source, objective, budget, seed=seed)
    return learner


def taught(
    model: DecoderModel,
    tokenizer: Tokenizer,
    asked: Iterable[tuple[str, str]],
    budget: Budget,
    *,
    seed: int,
) -> DecoderModel:
    """A copy of `model` that has learned the answers of these (prompt, answer) pairs.

    Pairs that do not fit in its context are left out; DataError where none fits.
    """
    rows = solved(asked, tokenizer, context=model.description.context)
    return further(model, Loader(rows, budget.batch, seed=seed), Solution(), budget, seed=seed)
