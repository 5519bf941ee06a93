"""What is asked at one place is scored there and nowhere else."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from practicum.data.coreference import Placed
from practicum.errors import DataError
from practicum.objectives.at_place import AtPlace, accuracy_there, place_batch, scores_there
from practicum.seeding import stream

ROWS = [Placed((4, 5, 6), 1, 2), Placed((7, 8, 9), 2, 0)]
NO_DRAWS = stream(0, "none")


class Table(nn.Module):
    """Scores that depend on the id at each place."""

    def __init__(self) -> None:
        super().__init__()
        self.scores = nn.Parameter(torch.randn(10, 3, generator=stream(1, "scores")))

    def forward(self, ids):
        return self.scores[ids]


def test_the_loss_is_that_of_the_answers_at_their_places():
    model, batch = Table(), AtPlace().prepare(ROWS, NO_DRAWS)
    loss = AtPlace().loss(model, batch)
    expected = F.cross_entropy(model.scores[[5, 9]], torch.tensor([2, 0]), reduction="sum")
    torch.testing.assert_close(loss.total, expected)
    assert (batch.count, batch.tokens, loss.count) == (2, 6, 2)
    loss.total.backward()
    assert model.scores.grad is not None
    assert model.scores.grad.any(-1).nonzero()[:, 0].tolist() == [5, 9]


def test_the_accuracy_counts_the_likeliest_answers():
    model, batch = Table(), place_batch(ROWS)
    best = scores_there(model, batch).argmax(-1).tolist()
    right = [row._replace(answer=answer) for row, answer in zip(ROWS, best, strict=True)]
    assert accuracy_there(model, place_batch(right)) == 1
    wrong = right[0]._replace(answer=(best[0] + 1) % 3)
    assert accuracy_there(model, place_batch([wrong, right[1]])) == 0.5


def test_rows_of_other_lengths_and_places_outside_are_refused():
    with pytest.raises(DataError, match=r"lengths \[2, 3\]"):
        place_batch([ROWS[0], Placed((1, 2), 0, 0)])
    with pytest.raises(DataError, match="place 3 of a row of 3"):
        place_batch([Placed((1, 2, 3), 3, 0)])
