"""Worlds of cells, drawn: where the actor is, and which way a table of values would send it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import gymnasium
import numpy as np

from practicum.errors import ConfigError
from practicum.rl.scene import Disc, Line, Polygon, Scene, Shape, Text, rectangle

CELL = 48  # pixels
GROUND = "#DCE9F2"
COLOURS = {  # by the letter of a cell; any other is plain ground
    "S": "#F5EBC8",  # start
    "H": "#2F5D8A",  # hole
    "X": "#5B4636",  # cliff
    "#": "#4A4A4A",  # wall
    "G": "#E69F00",  # goal
    "c": "#F7E3A1",  # small cheese
    "C": "#E69F00",  # large cheese
}
ENDS = "HXGcC#"  # nothing is decided here
ACTOR, ARROW = "#D55E00", "#333333"
LOW, HIGH = (247, 251, 255), (86, 180, 233)  # of the ground where values are shown


@dataclass(frozen=True, kw_only=True)
class Grid:
    """A letter per cell, and where each action is meant to lead: (columns right, rows down)."""

    rows: tuple[str, ...]
    moves: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        if not self.rows or len({len(row) for row in self.rows}) != 1:
            raise ConfigError(f"a grid needs rows of one length; got {self.rows}")

    @property
    def columns(self) -> int:
        return len(self.rows[0])

    def place(self, state: int) -> tuple[int, int]:
        """(row, column) of a state; states are numbered along the rows."""
        return divmod(state, self.columns)


def frozen_lake(env: gymnasium.Env) -> Grid:
    """The lake of Gymnasium's FrozenLake, of whatever map."""
    desc = cast(Any, env.unwrapped).desc
    rows = tuple("".join(cell.decode() for cell in row) for row in desc)
    return Grid(rows=rows, moves=((-1, 0), (0, 1), (1, 0), (0, -1)))


def cliff(env: gymnasium.Env) -> Grid:
    """The path along the cliff of Gymnasium's CliffWalking (Sutton & Barto 2018, example 6.6)."""
    rows = ("F" * 12, "F" * 12, "F" * 12, "S" + "X" * 10 + "G")
    return Grid(rows=rows, moves=((0, -1), (1, 0), (0, 1), (-1, 0)))


def cheese_maze(env: gymnasium.Env) -> Grid:
    """The maze of our CheeseMaze."""
    return Grid(rows=cast(Any, env.unwrapped).rows, moves=((-1, 0), (0, 1), (1, 0), (0, -1)))


def draw_grid(grid: Grid, state: int | None = None) -> Scene:
    """The cells, and the actor where it is."""
    shapes: list[Shape] = []
    for row, letters in enumerate(grid.rows):
        for column, letter in enumerate(letters):
            shapes += _cell(row, column, COLOURS.get(letter, GROUND))
            shapes += _letter(row, column, letter)
    if state is not None:
        row, column = grid.place(state)
        centre = ((column + 0.5) * CELL, (row + 0.5) * CELL)
        shapes.append(Disc(centre=centre, radius=CELL * 0.28, fill=ACTOR))
    return _scene(grid, shapes)


def draw_arrows(grid: Grid, values: np.ndarray) -> Scene:
    """Arrows to the best actions of `values` (states, actions); the ground says how good they are.

    Where several actions are best, each has its arrow. Cells that end an episode have none.
    """
    if values.shape != (len(grid.rows) * grid.columns, len(grid.moves)):
        raise ConfigError(
            f"values of shape {values.shape} for {len(grid.rows)}×{grid.columns} cells and "
            f"{len(grid.moves)} actions"
        )
    shapes: list[Shape] = []
    best, least, most = values.max(1), values.min(), max(values.max(), values.min() + 1e-12)
    for state, value in enumerate(best):
        row, column = grid.place(state)
        letter = grid.rows[row][column]
        if letter in ENDS:
            shapes += _cell(row, column, COLOURS[letter]) + _letter(row, column, letter)
            continue
        shapes += _cell(row, column, _between((value - least) / (most - least)))
        for action in np.flatnonzero(np.isclose(values[state], value, rtol=1e-9, atol=0)):
            shapes += _arrow(row, column, grid.moves[action])
        text = f"{value:.2f}"
        at = ((column + 0.96) * CELL, (row + 0.87) * CELL)
        shapes.append(Text(at=at, text=text, size=9, colour="#555555", anchor="end"))
    return _scene(grid, shapes)


def _scene(grid: Grid, shapes: Sequence[Shape]) -> Scene:
    height, width = len(grid.rows) * CELL, grid.columns * CELL
    return Scene(width=width, height=height, shapes=tuple(shapes))


def _cell(row: int, column: int, fill: str) -> list[Shape]:
    return [rectangle(column * CELL + 1, row * CELL + 1, CELL - 2, CELL - 2, fill)]


def _letter(row: int, column: int, letter: str) -> list[Shape]:
    if letter in "F. #":
        return []
    colour = "#FFFFFF" if letter in "HX" else "#333333"
    at = ((column + 0.5) * CELL, (row + 0.5) * CELL)
    return [Text(at=at, text=letter, size=16, colour=colour, anchor="middle")]


def _arrow(row: int, column: int, move: tuple[int, int]) -> list[Shape]:
    x, y = (column + 0.5) * CELL, (row + 0.5) * CELL
    right, down = move
    length, head = CELL * 0.34, CELL * 0.1
    tip = (x + right * length, y + down * length)
    neck = (tip[0] - right * head * 1.6, tip[1] - down * head * 1.6)
    corners = (
        tip,
        (neck[0] - down * head, neck[1] + right * head),
        (neck[0] + down * head, neck[1] - right * head),
    )
    return [
        Line(points=((x, y), neck), colour=ARROW, width=2.0),
        Polygon(corners=corners, fill=ARROW),
    ]


def _between(share: float) -> str:
    """The colour `share` of the way from LOW to HIGH."""
    mixed = (round(low + (high - low) * float(share)) for low, high in zip(LOW, HIGH, strict=True))
    return "#" + "".join(f"{part:02X}" for part in mixed)
