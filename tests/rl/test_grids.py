"""Worlds of cells are drawn as they are, with an arrow for every best action."""

import gymnasium
import numpy as np
import pytest

from practicum.errors import ConfigError
from practicum.rl.environments import Environment
from practicum.rl.grids import (
    CELL,
    Grid,
    cheese_maze,
    cliff,
    draw_arrows,
    draw_grid,
    frozen_lake,
)
from practicum.rl.scene import Disc, Line, Polygon, Text, to_svg

WORLDS = {
    "FrozenLake-v1": frozen_lake,
    "CliffWalking-v1": cliff,
    "practicum.rl.cheese_maze:CheeseMaze": cheese_maze,
}


@pytest.mark.parametrize("id", WORLDS)
def test_a_move_leads_where_the_environment_goes(id):
    options = (("is_slippery", False),) if id == "FrozenLake-v1" else ()
    env = Environment(id=id, options=options).make()
    grid = WORLDS[id](env)
    assert len(grid.moves) == env.action_space.n
    assert len(grid.rows) * grid.columns == env.observation_space.n
    led = set()
    for action, (right, down) in enumerate(grid.moves):
        state, _ = env.reset(seed=0)
        after, *_ = env.step(action)
        row, column = grid.place(state)
        assert grid.rows[row][column] == "S"
        if after != state:
            assert grid.place(int(after)) == (row + down, column + right)
            led.add(action)
    assert led


def test_the_actor_stands_in_its_cell():
    grid = Grid(rows=("SF", "HG"), moves=())
    discs = [shape for shape in draw_grid(grid, 3).shapes if isinstance(shape, Disc)]
    assert [disc.centre for disc in discs] == [(1.5 * CELL, 1.5 * CELL)]
    assert not any(isinstance(shape, Disc) for shape in draw_grid(grid).shapes)


def test_every_best_action_has_an_arrow_and_an_end_has_none():
    grid = frozen_lake(gymnasium.make("FrozenLake-v1"))
    values = np.zeros((16, 4))
    values[:, 2] = 0.5  # right everywhere
    values[0, 1] = 0.5  # and also down at the start
    shapes = draw_arrows(grid, values).shapes
    lines = [shape for shape in shapes if isinstance(shape, Line)]
    decided = sum(letter in "SF" for row in grid.rows for letter in row)
    assert len(lines) == decided + 1
    directions = [(p[1][0] - p[0][0] > 1, p[1][1] - p[0][1] > 1) for p in (x.points for x in lines)]
    assert directions == [(False, True), (True, False), *[(True, False)] * (decided - 1)]
    said = [shape.text for shape in shapes if isinstance(shape, Text)]
    assert said.count("0.50") == decided
    assert sum(isinstance(shape, Polygon) for shape in shapes) == 16 + len(lines)
    assert to_svg(draw_arrows(grid, values)).startswith("<svg")


def test_values_that_are_all_alike_are_drawn():
    grid = Grid(rows=("SF",), moves=((1, 0),))
    assert draw_arrows(grid, np.zeros((2, 1))).shapes


def test_values_of_another_world_are_refused():
    with pytest.raises(ConfigError, match="values of shape"):
        draw_arrows(Grid(rows=("SF",), moves=((1, 0),)), np.zeros((3, 1)))
    with pytest.raises(ConfigError, match="rows of one length"):
        Grid(rows=("SF", "F"), moves=())
