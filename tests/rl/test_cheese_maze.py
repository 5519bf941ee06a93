"""The maze: what its drawing says, where the choice flips, and that the table tells all."""

from dataclasses import replace

import pytest
from gymnasium.utils.env_checker import check_env

from practicum.errors import ConfigError
from practicum.rl.cheese_maze import CheeseMaze
from practicum.rl.environments import Environment
from practicum.rl.planning import action_values, best_values, greedy, transitions_of
from practicum.rl.tabular import QLearning

LEFT, DOWN, RIGHT, UP = range(4)
CORRIDOR = "######## #c.S..C# ########"
SHORT = Environment(
    id="practicum.rl.cheese_maze:CheeseMaze",
    options=(("maze", CORRIDOR), ("max_episode_steps", 50)),
)


def first_move(maze: CheeseMaze, gamma: float) -> int:
    table = transitions_of(maze)
    return int(greedy(action_values(table, best_values(table, gamma), gamma))[maze.first].argmax())


@pytest.mark.filterwarnings("ignore:.*WARN")
def test_it_keeps_the_contract_of_gymnasium():
    check_env(CheeseMaze(render_mode="rgb_array"), skip_render_check=True)


def test_the_mouse_moves_bumps_and_eats():
    maze = CheeseMaze(CORRIDOR)
    start, _ = maze.reset(seed=0)
    assert maze.step(UP)[:3] == (start, 0.0, False)
    assert maze.step(LEFT)[:3] == (start - 1, 0.0, False)
    assert maze.step(LEFT)[:3] == (start - 2, 1.0, True)
    maze.reset()
    assert [maze.step(RIGHT)[1:3] for _ in range(3)][-1] == (1000.0, True)


def test_distances_are_those_of_the_drawing():
    assert (CheeseMaze(CORRIDOR).distance("c"), CheeseMaze(CORRIDOR).distance("C")) == (2, 3)
    assert (CheeseMaze().distance("c"), CheeseMaze().distance("C")) == (2, 9)
    behind = CheeseMaze("####### #S.cC.# #######")
    with pytest.raises(ConfigError, match="no way leads from the start to a 'C'"):
        behind.distance("C")


@pytest.mark.parametrize("cat", [0.0, 0.1, 0.3])
def test_the_best_first_move_flips_where_the_equation_says(cat: float):
    maze = CheeseMaze(cat=cat)
    assert maze.flip == pytest.approx(1000 ** (-1 / 7) / (1 - cat))
    assert first_move(maze, maze.flip - 1e-3) == LEFT
    assert first_move(maze, maze.flip + 1e-3) == RIGHT


def test_a_cat_that_always_nearly_wins_makes_the_crumbs_the_best_choice_at_any_discount():
    maze = CheeseMaze(cat=0.7)
    assert maze.flip > 1
    assert first_move(maze, 0.999) == LEFT


def test_the_cat_strikes_as_often_as_it_was_told():
    maze, struck = CheeseMaze(cat=0.25), 0
    maze.reset(seed=1)
    for _ in range(2000):
        _, reward, terminated, _, _ = maze.step(UP)
        assert reward == 0.0
        struck += terminated
        maze.reset()
    assert struck / 2000 == pytest.approx(0.25, abs=0.04)


def test_exploring_finds_the_large_cheese_and_greed_with_first_ties_does_not():
    curious = QLearning(rate=0.3, discount=0.95)
    greedy_only = replace(curious, explore=replace(curious.explore, start=0.0, end=0.0))
    found = curious.learn(SHORT, episodes=200, seed=100)
    stuck = replace(greedy_only, ties="first").learn(SHORT, episodes=50, seed=100)
    start = CheeseMaze(CORRIDOR).first
    assert found.table[start].argmax() == RIGHT
    assert found.table[start].max() > 100
    assert stuck.table[start].argmax() == LEFT
    assert stuck.table.max() == pytest.approx(1.0)


def test_the_picture_shows_mouse_walls_and_cheese():
    maze = CheeseMaze(CORRIDOR, render_mode="rgb_array")
    maze.reset(seed=0)
    before = maze.render()
    assert before is not None
    assert before.shape == (3 * 24, 8 * 24, 3)
    maze.step(RIGHT)
    after = maze.render()
    assert after is not None
    assert (before != after).any()
    assert CheeseMaze().render() is None


@pytest.mark.parametrize(
    ("maze", "said"),
    [
        ("#### #S# ####", "equally long"),
        ("#### #..# ####", "one start S; this one has 0"),
        ("#### #S.. ####", "closed by walls"),
    ],
)
def test_impossible_drawings_are_refused(maze: str, said: str):
    with pytest.raises(ConfigError, match=said):
        CheeseMaze(maze)


def test_a_cat_that_is_certain_is_refused():
    with pytest.raises(ConfigError, match="at least 0, below 1"):
        CheeseMaze(cat=1.0)


def test_where_the_nearer_cheese_is_the_larger_nothing_flips():
    with pytest.raises(ConfigError, match="only where the larger cheese is further"):
        _ = CheeseMaze(near=5.0, far=2.0).flip
