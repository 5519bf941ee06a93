"""The rules of tic-tac-toe, against the numbers known of the game."""

from collections import Counter

import pytest

from practicum.errors import ConfigError
from practicum.symbolic.tic_tac_toe import EMPTY, TicTacToe, open_lines, reachable

POSITIONS = list(reachable())
OVER = [position for position in POSITIONS if position.result is not None]


def test_there_are_5478_positions_and_958_ends():
    assert len(POSITIONS) == len(set(POSITIONS)) == 5478
    winners = Counter("draw" if p.result == 0 else "OX"[p.turn == "O"] for p in OVER)
    assert winners == {"X": 626, "O": 316, "draw": 16}


def test_nobody_moves_after_the_end():
    assert all(position.moves == () for position in OVER)
    assert all(position.moves for position in set(POSITIONS) - set(OVER))


def test_the_marks_tell_whose_turn_it_is():
    after = TicTacToe().after(4)
    assert (TicTacToe().turn, after.turn) == ("X", "O")
    assert str(after) == "...\n.X.\n..."


def test_a_taken_cell_cannot_be_taken():
    with pytest.raises(ConfigError, match="cell 4 cannot be taken"):
        TicTacToe().after(4).after(4)


@pytest.mark.parametrize("cells", ["", "X", "OX.......O", "XXO......X", "xo......."])
def test_an_impossible_position_is_refused(cells):
    with pytest.raises(ConfigError, match="no position"):
        TicTacToe(cells)


def test_the_evaluation_counts_lines_that_are_still_open():
    assert open_lines(TicTacToe(EMPTY)) == 0
    centre = TicTacToe("....X....")  # O is to move; four lines lie open to O, all eight to X
    assert open_lines(centre) == pytest.approx((4 - 8) / 9)
    assert all(abs(open_lines(position)) < 1 for position in POSITIONS)
