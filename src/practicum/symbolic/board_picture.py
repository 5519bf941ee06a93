"""A game of tic-tac-toe as an SVG picture: its positions in a row, each new mark in colour."""

from collections.abc import Sequence
from itertools import pairwise

from practicum.symbolic.tic_tac_toe import LINES, TicTacToe

CELL, BETWEEN = 24, 16  # pixels
WIDTH = 3 * CELL + BETWEEN
OLD, NEW = "#444444", "#D55E00"


def board_picture(game: Sequence[TicTacToe], caption: str) -> str:
    """The SVG text of the positions of `game` after its empty start, with a line of words above."""
    boards = [
        _board(before, after, BETWEEN + number * WIDTH, 2 * CELL)
        for number, (before, after) in enumerate(pairwise(game))
    ]
    width, height = BETWEEN + max(1, len(boards)) * WIDTH, 5 * CELL + BETWEEN
    words = caption.replace("&", "&amp;").replace("<", "&lt;")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" font-family="sans-serif" text-anchor="middle">'
        f'<rect width="100%" height="100%" fill="white"/>'
        f'<text x="{BETWEEN}" y="{CELL}" font-size="14" text-anchor="start">{words}</text>'
        f"{''.join(boards)}</svg>"
    )


def _board(before: TicTacToe, after: TicTacToe, x: int, y: int) -> str:
    end = 3 * CELL
    lines = "".join(f"M{x + k * CELL} {y}v{end}M{x} {y + k * CELL}h{end}" for k in (1, 2))
    parts = [f'<path d="{lines}" stroke="#999999"/>']
    for cell, mark in enumerate(after.cells):
        if mark != ".":
            colour = OLD if before.cells[cell] == mark else NEW
            middle = (x + (cell % 3 + 0.5) * CELL, y + (cell // 3 + 0.75) * CELL)
            parts.append(
                f'<text x="{middle[0]:g}" y="{middle[1]:g}" font-size="{CELL - 4}" '
                f'fill="{colour}">{mark}</text>'
            )
    for first, _, last in LINES:
        line = {after.cells[cell] for cell in range(first, last + 1, (last - first) // 2)}
        if len(line) == 1 and line != {"."}:
            ends = [(x + (c % 3 + 0.5) * CELL, y + (c // 3 + 0.5) * CELL) for c in (first, last)]
            parts.append(
                f'<path d="M{ends[0][0]:g} {ends[0][1]:g}L{ends[1][0]:g} {ends[1][1]:g}" '
                f'stroke="{NEW}" stroke-width="3"/>'
            )
    return "".join(parts)
