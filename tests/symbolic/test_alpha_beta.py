"""Alpha–beta against minimax on every position of tic-tac-toe, and on trees drawn at random."""

import subprocess
import sys
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from practicum.symbolic.alpha_beta import LookAhead, Minimax, alpha_beta
from practicum.symbolic.game import Position
from practicum.symbolic.tic_tac_toe import TicTacToe, open_lines

PARITY = """
from practicum.symbolic.alpha_beta import Minimax, alpha_beta
from practicum.symbolic.tic_tac_toe import reachable

minimax, positions = Minimax(), list(reachable())
assert len(positions) == 5478
different = [p for p in positions if alpha_beta(p) != minimax(p)]
assert not different, different
"""


def test_alpha_beta_is_minimax_on_all_positions():
    # where types are not checked at each of the million calls, as they are in this process
    subprocess.run([sys.executable, "-c", PARITY], check=True)


def test_the_game_is_a_draw_between_players_who_see_everything():
    assert Minimax()(TicTacToe()) == 0


def test_alpha_beta_looks_at_few_of_the_positions():
    looked = 0

    @dataclass(frozen=True)
    class Counted(Position):
        inner: TicTacToe

        @property
        def moves(self):
            return self.inner.moves

        @property
        def result(self):
            nonlocal looked
            looked += 1
            return self.inner.result

        def after(self, move):
            return Counted(self.inner.after(move))

    alpha_beta(Counted(TicTacToe()))
    assert looked < 549_946 / 20  # all orders of moves, each end by itself


@dataclass(frozen=True)
class Tree(Position):
    """A game given by its tree: worths at the leaves, to whoever would move there."""

    branches: tuple["Tree", ...]
    worth: float

    @property
    def moves(self):
        return range(len(self.branches))

    @property
    def result(self):
        return None if self.branches else self.worth

    def after(self, move):
        return self.branches[move]


WORTHS = st.integers(-3, 3).map(float)
TREES = st.recursive(
    WORTHS.map(lambda worth: Tree((), worth)),
    lambda inner: st.lists(inner, min_size=1, max_size=3).map(lambda b: Tree(tuple(b), 0.0)),
    max_leaves=20,
)


@given(TREES, WORTHS, WORTHS)
def test_within_bounds_the_value_is_exact_and_outside_a_bound(tree, low, high):
    if low >= high:
        low, high = high - 1, low + 1
    value, found = Minimax()(tree), alpha_beta(tree, low, high)
    if low < value < high:
        assert found == value
    elif value <= low:
        assert value <= found <= low
    else:
        assert value >= found >= high


def test_at_the_limit_of_depth_the_evaluation_speaks():
    centre = TicTacToe().after(4)
    assert alpha_beta(TicTacToe(), depth=1, evaluation=open_lines) == -open_lines(centre)
    assert alpha_beta(TicTacToe(), depth=1) == 0
    assert LookAhead(1, open_lines)(TicTacToe()) == -open_lines(centre)
