"""A network at the board, and lessons from a player who looks ahead."""

import numpy as np

from practicum.data.board_lessons import INPUTS, encoded, lessons
from practicum.data.loader import Loader
from practicum.evaluation.board_player import NetworkPlayer
from practicum.models.build import build
from practicum.models.perceptron import Perceptron
from practicum.objectives.classification import CrossEntropy
from practicum.symbolic.alpha_beta import Minimax
from practicum.symbolic.game import AtRandom, ByWorth, match, play
from practicum.symbolic.tic_tac_toe import TicTacToe
from practicum.training.budget import Budget
from practicum.training.loop import fit

START = TicTacToe()
SEARCH = ByWorth(Minimax())
LESSONS = lessons(SEARCH)
NETWORK = Perceptron(widths=(INPUTS, 32, 9), activation="relu", output="identity")


def test_a_position_is_seen_by_whose_turn_it_is():
    position = TicTacToe("XO.....X.")  # O is to move
    assert encoded(position).tolist() == [0, 1, *[0] * 7, 1, *[0] * 6, 1, 0]


def test_there_is_a_lesson_for_every_position_that_is_not_over():
    assert len(LESSONS) == 4520


def test_a_network_only_takes_free_cells():
    game = play(START, NetworkPlayer(build(NETWORK)), AtRandom(np.random.default_rng(0)))
    assert game[-1].result is not None


def test_a_network_learns_from_the_search_and_does_not_beat_it():
    model = build(NETWORK, seed=0)
    budget = Budget(steps=200, batch=64, rate=1e-2)
    fit(model, Loader(LESSONS, 64, seed=0), CrossEntropy(), budget, seed=0)
    chance = AtRandom(np.random.default_rng(0))
    taught, untaught = (
        match(START, NetworkPlayer(m), chance, games=60).lost for m in (model, build(NETWORK))
    )
    assert taught < untaught / 2
    assert match(START, SEARCH, NetworkPlayer(model), games=2).lost == 0
