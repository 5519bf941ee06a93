"""How often a network points where it should: a pointer, and a classifier of places beside it."""

from collections.abc import Sequence

import numpy as np
import torch

from practicum.data.loader import in_order
from practicum.data.pointing import Pointed, filled
from practicum.evaluation.classifier import accuracy
from practicum.models.perceptron import PerceptronModel
from practicum.models.pointer_network import PointerNetworkModel
from practicum.objectives.pointing import PointingLoss


def share_pointed(
    model: PointerNetworkModel, examples: Sequence[Pointed], *, batch: int = 500
) -> float:
    """How many rows are pointed at wholly as wanted, each pick being read by the next step."""
    device, right = next(model.parameters()).device, 0
    for rows in in_order(examples, batch):
        asked = PointingLoss().prepare(rows, torch.Generator()).to(device)
        found = model.point(asked.numbers, asked.real, asked.places.shape[1])
        right += int(((found == asked.places) | ~asked.wanted).all(1).sum())
    return right / len(examples)


def share_named(model: PerceptronModel, examples: Sequence[Pointed]) -> float:
    """How many rows a classifier names the place of; it reads as many numbers as it has classes."""
    room = model.description.widths[-1]
    x, labels = zip(*(filled(example, room) for example in examples), strict=True)
    return accuracy(model, np.stack(x), np.array(labels))
