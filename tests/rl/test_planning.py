"""Known worlds: published numbers, and two ways to every answer."""

import gymnasium
import numpy as np
import pytest
from gymnasium.envs.toy_text.frozen_lake import FrozenLakeEnv

from practicum.errors import ConfigError
from practicum.rl.cheese_maze import CheeseMaze
from practicum.rl.planning import (
    Transitions,
    action_values,
    best_values,
    expected_return,
    greedy,
    is_drawn_from_its_table,
    policy_values,
    success_probability,
    transitions_of,
    uniform,
)

WORLDS = {
    "lake": lambda: gymnasium.make("FrozenLake-v1"),
    "large lake": lambda: gymnasium.make("FrozenLake8x8-v1"),
    "cliff": lambda: gymnasium.make("CliffWalking-v1"),
    "taxi": lambda: gymnasium.make("Taxi-v4"),
    "maze": CheeseMaze,
    "maze with a cat": lambda: CheeseMaze(cat=0.2),
}


@pytest.fixture(params=WORLDS)
def table(request) -> Transitions:
    env = WORLDS[request.param]()
    found = transitions_of(env)
    env.close()
    return found


@pytest.fixture
def lake() -> Transitions:
    return transitions_of(gymnasium.make("FrozenLake-v1"))


def test_every_row_of_probabilities_sums_to_one(table: Transitions):
    np.testing.assert_allclose(table.probability.sum(-1), 1.0, atol=1e-12)
    assert table.start.sum() == pytest.approx(1.0)


def test_iterated_values_equal_those_of_a_linear_solve(table: Transitions):
    values = best_values(table, 0.99)
    policy = greedy(action_values(table, values, 0.99))
    np.testing.assert_allclose(policy_values(table, policy, 0.99), values, atol=1e-10, rtol=1e-12)


def test_no_policy_is_worth_more_than_the_best(table: Transitions):
    draw = np.random.default_rng(3)
    for _ in range(5):
        policy = draw.dirichlet(np.ones(table.actions), table.states)
        assert (policy_values(table, policy, 0.9) <= best_values(table, 0.9) + 1e-9).all()


def test_a_long_episode_brings_what_the_values_say(table: Transitions):
    policy = uniform(table)
    said = float(table.start @ policy_values(table, policy, 0.9))
    carried = expected_return(table, policy, steps=400, gamma=0.9)
    assert carried == pytest.approx(said, abs=1e-10, rel=1e-10)


def test_the_lake_is_crossed_with_the_published_probability(lake: Transitions):
    values = best_values(lake, 0.99)
    policy = greedy(action_values(lake, values, 0.99))
    assert values[0] == pytest.approx(0.5420, abs=5e-5)
    assert success_probability(lake, policy, steps=100) == pytest.approx(0.7402, abs=5e-5)
    assert expected_return(lake, policy, steps=100) == pytest.approx(0.7402, abs=5e-5)


def test_chance_and_looking_one_step_ahead_hardly_cross_the_lake(lake: Transitions):
    nearsighted = greedy(action_values(lake, np.zeros(lake.states), 0.0))
    assert success_probability(lake, uniform(lake), steps=100) == pytest.approx(0.0139, abs=1e-4)
    assert success_probability(lake, nearsighted, steps=100) < 0.02


def test_carrying_forward_equals_playing(lake: Transitions):
    policy = greedy(action_values(lake, best_values(lake, 0.99), 0.99))
    generator, episodes, wins = np.random.default_rng(5), 3000, 0.0
    state, going = np.zeros(episodes, int), np.ones(episodes, bool)
    for _ in range(20):
        action = policy[state].argmax(-1)
        draw = generator.random(episodes)[:, None] >= lake.probability[state, action].cumsum(-1)
        k = draw.sum(-1).clip(max=lake.probability.shape[2] - 1)
        wins += (lake.reward[state, action, k] * going).sum()
        going &= ~lake.terminated[state, action, k]
        state = lake.following[state, action, k]
    expected = success_probability(lake, policy, steps=20)
    deviation = (expected * (1 - expected) / episodes) ** 0.5
    assert wins / episodes == pytest.approx(expected, abs=4 * deviation)


def test_ties_are_shared_or_go_to_the_first():
    values = np.array([[1.0, 1.0, 0.0], [0.0, 2.0, 2.0 - 1e-12]])
    np.testing.assert_array_equal(greedy(values), [[0.5, 0.5, 0.0], [0.0, 1.0, 0.0]])
    np.testing.assert_array_equal(greedy(values, tolerance=1e-9)[1], [0.0, 0.5, 0.5])
    np.testing.assert_array_equal(greedy(values, ties="first")[0], [1.0, 0.0, 0.0])


def test_worlds_without_a_table_are_refused():
    with pytest.raises(ConfigError, match="CartPole-v1 publishes no table"):
        transitions_of(gymnasium.make("CartPole-v1"))
    with pytest.raises(ConfigError, match="fickle"):
        transitions_of(gymnasium.make("Taxi-v4", fickle_passenger=True))


def test_endless_episodes_need_a_discount(lake: Transitions):
    with pytest.raises(ConfigError, match=r"γ in \[0, 1\), not 1"):
        best_values(lake, 1.0)


class WindyLake(FrozenLakeEnv):
    """Does more than its table says."""

    def step(self, a):
        return super().step(a)


def test_only_plain_worlds_are_believed_to_be_drawn_from_their_table():
    lake = gymnasium.make("FrozenLake-v1")
    assert is_drawn_from_its_table(lake)
    assert is_drawn_from_its_table(CheeseMaze())
    scaled = gymnasium.wrappers.TransformReward(lake, lambda reward: 2 * reward)
    assert not is_drawn_from_its_table(scaled)
    assert not is_drawn_from_its_table(WindyLake())
    assert not is_drawn_from_its_table(gymnasium.make("Taxi-v4", fickle_passenger=True))
    assert not is_drawn_from_its_table(gymnasium.make("CartPole-v1"))
