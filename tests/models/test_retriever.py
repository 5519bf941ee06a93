"""The smallest network around a way to read: what differs between two of them is the way alone."""

import pytest
import torch
from torch import Tensor

from practicum.config import from_json, to_json
from practicum.models.build import build
from practicum.models.retriever import Mechanism, Retriever
from practicum.nn.alignment import Hard
from practicum.nn.memory_head import MemoryHead
from practicum.nn.positions import LearnedPositions
from practicum.nn.reader import Reader
from practicum.nn.scores import Additive, Even, Location, ScaledDot

MECHANISMS: dict[str, Mechanism] = {
    "scaled": Reader(score=ScaledDot()),
    "additive": Reader(score=Additive(hidden=6)),
    "location": Reader(score=Location()),
    "even": Reader(score=Even()),
    "hard": Reader(score=ScaledDot(), align=Hard()),
    "head": MemoryHead(),
}
KEYS, VALUES, ASKED = (torch.tensor(x) for x in ([[3, 0, 2, 5]], [[1, 1, 0, 2]], [[2], [5]]))


def described(mechanism: Mechanism, positions: LearnedPositions | None = None) -> Retriever:
    return Retriever(
        mechanism=mechanism, positions=positions, asked=6, keys=6, values=3, slots=4, width=8
    )


def answers(description: Retriever, keys: Tensor = KEYS, values: Tensor = VALUES) -> Tensor:
    model = build(description, seed=1)
    return model(keys.expand(2, -1), values.expand(2, -1), ASKED)[:, 0]


@pytest.mark.parametrize("mechanism", MECHANISMS.values(), ids=MECHANISMS.keys())
def test_every_mechanism_is_described_built_and_answers(mechanism):
    description = described(mechanism)
    assert from_json(Retriever, to_json(description)) == description
    assert answers(description).shape == (2, 3)


def test_embeddings_and_answers_start_alike_whatever_reads():
    first, second = (build(described(MECHANISMS[name]), seed=1) for name in ("even", "additive"))
    shared = dict(first.named_parameters())
    assert shared
    for name, parameter in second.named_parameters():
        if name in shared:
            assert torch.equal(parameter, shared[name])


def test_without_positions_the_order_of_the_slots_means_nothing_to_products():
    order = [2, 0, 3, 1]
    moved = (KEYS[:, order], VALUES[:, order])
    plain = described(MECHANISMS["scaled"])
    torch.testing.assert_close(answers(plain, *moved), answers(plain))
    placed = described(MECHANISMS["scaled"], LearnedPositions())
    assert (answers(placed, *moved) - answers(placed)).abs().max() > 1e-4


def test_an_even_reader_cannot_tell_what_was_asked_but_the_answer_can():
    model = build(described(MECHANISMS["even"]), seed=1)
    read = model.look(KEYS.expand(2, -1), VALUES.expand(2, -1), ASKED).vectors
    torch.testing.assert_close(read[0], read[1])
    torch.testing.assert_close(read[0, 0], model.memory(KEYS, VALUES)[0].mean(0))
    first, second = answers(described(MECHANISMS["even"]))
    assert not torch.allclose(first, second)
