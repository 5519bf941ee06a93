"""What a network read from a folder of `transformers` must have in common with the original."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from practicum.decoding.model import prefill, step
from practicum.models.decoder import DecoderModel
from practicum.models.hugging_face import family_of, read_folder


@dataclass
class Pair:
    """Their network and ours, read from the folder in which theirs was saved."""

    kind: str
    theirs: Any
    ours: DecoderModel


def ours_of(theirs: Any, folder: Path) -> DecoderModel:
    """Their network by way of a folder."""
    theirs.save_pretrained(folder)
    model = read_folder(folder)
    assert isinstance(model, DecoderModel)
    return model


def assert_says_and_learns_the_same(ours: DecoderModel, theirs: Any, ids: Tensor) -> None:
    """Logits, the loss of the next token, and the gradient of every parameter."""
    given, expected = ours(ids), theirs(ids, use_cache=False).logits
    torch.testing.assert_close(given, expected, atol=1e-4, rtol=1e-4)
    losses = [
        F.cross_entropy(x[:, :-1].flatten(0, 1), ids[:, 1:].flatten()) for x in (given, expected)
    ]
    torch.testing.assert_close(*losses, atol=1e-4, rtol=1e-4)
    for loss in losses:
        loss.backward()
    wanted = {name: parameter.grad for name, parameter in theirs.named_parameters()}
    family = family_of(ours.description)
    assert family is not None
    for row in family.weights(ours.description):
        grad = torch.cat([wanted[part.name] for part in row.parts])
        mine = ours.get_parameter(row.ours).grad
        torch.testing.assert_close(mine, grad, atol=1e-4, rtol=1e-4, msg=row.ours)


def continued(ours: DecoderModel, prompts: Sequence[Sequence[int]], count: int) -> list[list[int]]:
    """Unequal prompts and their `count` likeliest tokens, read together in chunks of four."""
    rows = [list(prompt) for prompt in prompts]
    with torch.no_grad():
        last, state = prefill(ours, rows, 40, chunk=4)
        for _ in range(count):
            chosen = last.argmax(-1)
            for row, token in zip(rows, chosen.tolist(), strict=True):
                row.append(token)
            last = step(ours, chosen, state)
    return rows
