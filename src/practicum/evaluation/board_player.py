"""A network at the board: it takes the free cell that it scores highest."""

from typing import final

from torch import nn

from practicum.data.board_lessons import encoded
from practicum.evaluation.classifier import answers
from practicum.symbolic.tic_tac_toe import TicTacToe


@final
class NetworkPlayer:
    """Plays tic-tac-toe by a `model` from encoded positions to nine scores. It looks nowhere ahead.

    What was asked once is remembered: the weights must not change while it plays.
    """

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self.known: dict[TicTacToe, int] = {}

    def move(self, position: TicTacToe) -> int:
        if position not in self.known:
            scores = answers(self.model, encoded(position)[None])[0]
            self.known[position] = max(position.moves, key=lambda cell: scores[cell])
        return self.known[position]
