"""Players against each other: who cannot lose does not, and a match counts for the right side."""

import numpy as np

from practicum.symbolic.alpha_beta import LookAhead, Minimax
from practicum.symbolic.game import AtRandom, ByWorth, Tally, match, play
from practicum.symbolic.tic_tac_toe import TicTacToe, open_lines

START = TicTacToe()


class First:
    """Takes the lowest free cell."""

    def move(self, position):
        return min(position.moves)


def test_a_game_is_played_move_by_move():
    game = play(START, First(), First())
    assert [position.cells for position in game[:3]] == [".........", "X........", "XO......."]
    assert game[-1].cells == "XOXOXOX.."
    assert game[-1].result == -1.0


def test_a_match_counts_for_the_player_named_first():
    assert match(START, First(), First(), games=4) == Tally(won=2, drawn=0, lost=2)
    assert match(START, First(), First(), games=1) == Tally(won=1, drawn=0, lost=0)


def test_who_sees_everything_never_loses_and_draws_with_itself():
    perfect, chance = ByWorth(Minimax()), AtRandom(np.random.default_rng(0))
    against_chance = match(START, perfect, chance, games=60)
    assert against_chance.lost == 0
    assert against_chance.won > 40
    assert match(START, perfect, perfect, games=2) == Tally(won=0, drawn=2, lost=0)


def test_looking_two_moves_ahead_wins_most_games_against_chance():
    short = ByWorth(LookAhead(2, open_lines))
    assert match(START, short, AtRandom(np.random.default_rng(0)), games=60).won > 40


def test_one_seed_gives_one_match():
    once, again = (
        match(START, AtRandom(np.random.default_rng(7)), First(), games=20) for _ in range(2)
    )
    assert once == again
