"""Tic-tac-toe as examples to learn from: every position, and the move a player makes in it."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float32

from practicum.symbolic.game import Player
from practicum.symbolic.tic_tac_toe import TicTacToe, reachable

INPUTS = 18


def encoded(position: TicTacToe) -> Float32[np.ndarray, " 18"]:
    """Nine numbers for the marks of whose turn it is, nine for the other player's: 1 or 0."""
    cells = np.array(list(position.cells))
    mine = cells == position.turn
    return np.concatenate([mine, (cells != ".") & ~mine]).astype(np.float32)


def lessons(teacher: Player[TicTacToe]) -> list[tuple[Float32[np.ndarray, " 18"], int]]:
    """(position, the teacher's move) for all 4,520 positions in which somebody has to move."""
    return [(encoded(position), teacher.move(position)) for position in _unfinished()]


def _unfinished() -> Iterator[TicTacToe]:
    return (position for position in reachable() if position.result is None)
