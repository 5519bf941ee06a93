"""Tic-tac-toe: its rules, an evaluation written by hand, and all 5,478 positions of it.

The nine cells are numbered row by row. X moves first, so that the marks tell whose turn it is.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import final

from practicum.errors import ConfigError
from practicum.symbolic.game import Position

EMPTY = "." * 9
ROWS = ((0, 1, 2), (3, 4, 5), (6, 7, 8))
COLUMNS = ((0, 3, 6), (1, 4, 7), (2, 5, 8))
LINES = (*ROWS, *COLUMNS, (0, 4, 8), (2, 4, 6))
ORDER = (4, 0, 2, 6, 8, 1, 3, 5, 7)  # cells of many lines first: alpha–beta then cuts more


@final
@dataclass(frozen=True)
class TicTacToe(Position):
    """A position as its nine `cells`, each X, O or "."; str() draws it."""

    cells: str = EMPTY

    def __post_init__(self) -> None:
        ahead = self.cells.count("X") - self.cells.count("O")
        if len(self.cells) != 9 or set(self.cells) - set("XO.") or ahead not in (0, 1):
            raise ConfigError(
                f"'{self.cells}' is no position; expected nine of X, O and '.', with as many X as "
                "O or one more"
            )

    @property
    def turn(self) -> str:
        """Whose turn it is, "X" or "O"."""
        return "X" if self.cells.count(".") % 2 else "O"

    @property
    def moves(self) -> tuple[int, ...]:
        """The empty cells, those of many lines first; none once the game is over."""
        return _moves(self.cells)

    @property
    def result(self) -> float | None:
        """−1.0 when the other player has three in a line, 0.0 when the board is full."""
        if _has_line(self.cells):
            return -1.0
        return None if "." in self.cells else 0.0

    def after(self, move: int) -> "TicTacToe":
        """With the mark of whose turn it is in cell `move`. Raises ConfigError where it may not."""
        if move not in _moves(self.cells):
            raise ConfigError(f"cell {move} cannot be taken; expected one of {self.moves}")
        return TicTacToe(self.cells[:move] + self.turn + self.cells[move + 1 :])

    def __str__(self) -> str:
        return "\n".join(self.cells[start : start + 3] for start in (0, 3, 6))


def reachable(start: TicTacToe = TicTacToe()) -> Iterator[TicTacToe]:
    """Every position that can follow `start`, itself included, each once."""
    seen, waiting = {start}, [start]
    while waiting:
        position = waiting.pop()
        yield position
        for move in position.moves:
            after = position.after(move)
            if after not in seen:
                seen.add(after)
                waiting.append(after)


def open_lines(position: TicTacToe) -> float:
    """A guess of a position's worth: lines that only I can still fill, less the other player's.

    Between −1 and 1, so that it never weighs as much as a game won (Nilsson 1971, chapter 5).
    """
    other = "O" if position.turn == "X" else "X"
    lines = [{position.cells[cell] for cell in line} for line in LINES]
    mine = sum(other not in line for line in lines)
    theirs = sum(position.turn not in line for line in lines)
    return (mine - theirs) / (len(LINES) + 1)


@cache
def _moves(cells: str) -> tuple[int, ...]:
    return () if _has_line(cells) else tuple(cell for cell in ORDER if cells[cell] == ".")


@cache
def _has_line(cells: str) -> bool:
    return any(cells[a] == cells[b] == cells[c] != "." for a, b, c in LINES)
