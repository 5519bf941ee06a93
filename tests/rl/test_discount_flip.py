"""The flip found by halving is the one the formula gives, with and without a cat."""

from typing import cast

import pytest

from practicum.rl.cheese_maze import CheeseMaze
from practicum.rl.discount_flip import (
    LONG_VIEW,
    best_move,
    exact_flip,
    learned_flip,
    place_above,
)
from practicum.rl.environments import Environment
from practicum.rl.planning import transitions_of
from practicum.rl.tabular import QLearning

MAZES = {"alone": (), "cat": (("cat", 0.1),), "near": (("far", 30.0),)}


@pytest.mark.parametrize("name", MAZES)
def test_the_flip_is_where_the_formula_says(name):
    env = Environment(id="practicum.rl.cheese_maze:CheeseMaze", options=MAZES[name]).make()
    maze, table = cast(CheeseMaze, env.unwrapped), transitions_of(env)
    found = exact_flip(table)
    assert found == pytest.approx(maze.flip, abs=1e-7)
    far = best_move(table, maze.first, LONG_VIEW)
    assert best_move(table, maze.first, found + 1e-4) == far
    assert best_move(table, maze.first, found - 1e-4) != far


def test_learning_turns_where_planning_does():
    maze = Environment(id="practicum.rl.cheese_maze:CheeseMaze")
    discounts = (0.3, 0.45)
    learned = learned_flip(QLearning(rate=0.5), maze, discounts, episodes=1200, seed=0)
    env = maze.make()
    assert learned == place_above(discounts, cast(CheeseMaze, env.unwrapped).flip) == 1
    assert learned_flip(QLearning(), maze, (0.05, 0.1), episodes=20, seed=0) == 2
    assert place_above((0.1, 0.2), 0.5) == 2
