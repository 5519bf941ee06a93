"""An answer counts when it is the target and then over."""

from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from practicum.data.parallel import TokenPair
from practicum.decoding.exact_match import exact_match
from practicum.errors import DataError

PAIRS = [TokenPair((5, 6), (5, 6)), TokenPair((7,), (7, 7)), TokenPair((8, 4, 4), (8,))]


class Told(nn.Module):
    """Says to each source what it was told to, known by the source's first word."""

    description = SimpleNamespace(context=10)

    def __init__(self, answers: dict[int, list[int]]) -> None:
        super().__init__()
        self.answers, self.steps = answers, 0

    def start(self, source: Tensor, real: Tensor | None, capacity: int) -> "Told":
        self.heard, self.steps = source[:, 0].tolist(), 0
        return self

    def select(self, rows) -> None:
        self.heard = [self.heard[row] for row in rows]

    def step(self, state: "Told", last: Tensor) -> Tensor:
        said = [[*self.answers[word], 2, 0, 0, 0, 0][self.steps] for word in self.heard]
        self.steps += 1
        return torch.nn.functional.one_hot(torch.tensor(said), 9).float()


@pytest.mark.parametrize(
    ("answers", "share"),
    [
        ({5: [5, 6], 7: [7, 7], 8: [8]}, 1.0),
        ({5: [5, 6], 7: [7], 8: [8]}, 2 / 3),  # over too early
        ({5: [5, 6, 6], 7: [7, 7], 8: [8, 8]}, 1 / 3),  # too late
    ],
)
def test_the_share_of_right_answers(answers, share):
    assert exact_match(Told(answers), PAIRS, begin=1, end=2) == pytest.approx(share)


def test_no_pairs_are_refused():
    with pytest.raises(DataError, match="no pairs"):
        exact_match(Told({}), [], begin=1, end=2)
