"""What a retriever finds: the share of right answers, and where it looks for each."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from practicum.data.loader import in_order
from practicum.data.retrieval import Lookup, Retrieval
from practicum.models.retriever import RetrieverModel
from practicum.objectives.retrieval import lookups
from practicum.seeding import derive


@torch.no_grad()
def share_right(model: RetrieverModel, examples: Sequence[Lookup], *, batch: int = 500) -> float:
    """How many of the questions are answered rightly; a hard reader takes the likeliest slot."""
    device, right = next(model.parameters()).device, 0
    for rows in in_order(examples, batch):
        asked = lookups(rows, torch.Generator()).to(device)
        answers = model(asked.keys, asked.values, asked.asked)[:, 0].argmax(-1)
        right += int((answers == asked.answers).sum())
    return right / len(examples)


@torch.no_grad()
def looked_at(model: RetrieverModel, task: Retrieval, *, seed: int) -> Float[Tensor, "t s"]:
    """The weights of one memory's slots when all its slots are asked for, one question a row.

    Each question is the first of its kind: a head that moves starts anew.
    """
    (memory,) = task.draw(1, np.random.default_rng(derive(seed, "one memory")))
    places = range(task.slots)
    asked = list(places) if task.question == "place" else memory.keys.tolist()
    rows = [memory._replace(asked=question) for question in asked]
    batch = lookups(rows, torch.Generator()).to(next(model.parameters()).device)
    return model.look(batch.keys, batch.values, batch.asked).aligned.weights[:, 0].cpu()
