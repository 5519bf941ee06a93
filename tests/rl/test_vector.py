"""Copies stepped together: true next observations, two ends, seeds of their own, exact seeking."""

import json

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from practicum.errors import CheckpointError, ConfigError, TrainingError
from practicum.rl.environments import Environment
from practicum.rl.vector import Vector

HERE = __file__


class Walk(gymnasium.Env):
    """Starts at a drawn place of 0 … 9 and counts on; what else happens its options say."""

    observation_space = spaces.Box(-1e9, 1e9, (1,), np.float64)
    action_space = spaces.Discrete(2)
    made = 0

    def __init__(self, until: int = 4, bad: str = "", at: int = -1, steady: bool = True) -> None:
        self.until, self.bad, self.bad_at, self.steady = until, bad, at, steady
        Walk.made += 1
        self.own = np.random.default_rng(Walk.made)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.count = 0
        self.place = float(self.np_random.integers(10) if self.steady else self.own.integers(1000))
        return np.array([self.place]), {}

    def step(self, action):
        assert self.action_space.contains(action)
        self.count += 1
        noise = self.np_random.random() if self.steady else self.own.random()
        self.place += action + noise
        bad = self.count == self.bad_at
        seen = np.array([np.nan if bad and self.bad == "observation" else self.place])
        reward = np.inf if bad and self.bad == "reward" else 1.0
        return seen, reward, self.count >= self.until and action == 1, False, {}


def walk(**options: int | str | bool) -> Environment:
    return Environment(id=f"{HERE}:Walk", options=tuple(options.items()))


def drive(vector: Vector, steps: int, seed: int = 0) -> list:
    """What happens under random actions."""
    draw = np.random.default_rng(seed)
    seen = []
    for _ in range(steps):
        shape = (vector.count, *vector.actions.shape)
        high = getattr(vector.actions, "count", 2)
        real = draw.normal(0, 2, shape)
        actions = draw.integers(0, high, shape) if vector.actions.shape == () else real
        step = vector.step(actions)
        seen.append((*(part.tolist() for part in step[:4]), step.finished))
        seen.append(vector.observations.tolist())
    return seen


@pytest.mark.parametrize("id", ["CartPole-v1", "FrozenLake-v1", "Pendulum-v1", "Blackjack-v1"])
def test_seeking_and_going_on_equals_never_having_stopped(id: str):
    environment = Environment(id=id, options=(("max_episode_steps", 11),))
    whole, other = Vector(environment, 3, seed=5), Vector(environment, 3, seed=5)
    drive(whole, 17)
    position = json.loads(json.dumps(whole.position()))
    drive(other, 4, seed=9)  # it stood somewhere else
    other.seek(position)
    np.testing.assert_array_equal(other.observations, whole.observations)
    assert drive(other, 40, seed=1) == drive(whole, 40, seed=1)
    assert other.position() == whole.position()


def test_the_true_next_observation_is_kept_apart_from_the_reset_one():
    vector = Vector(walk(until=2), 1, seed=0)
    vector.step(np.array([0]))
    before = vector.observations.item()
    step = vector.step(np.array([1]))
    assert step.terminated.tolist() == [True]
    assert step.observations.item() > before  # walked on
    assert vector.observations.item() in range(10)  # a first place
    assert step.finished == [(0, 2.0, 2)]


def test_a_time_limit_truncates_and_does_not_terminate():
    vector = Vector(walk(until=99, max_episode_steps=3), 2, seed=0)
    steps = [vector.step(np.zeros(2, np.int64)) for _ in range(3)]
    assert [step.truncated.tolist() for step in steps] == [[False] * 2] * 2 + [[True] * 2]
    assert not any(step.terminated.any() for step in steps)
    assert [end.length for end in steps[-1].finished] == [3, 3]


def test_an_end_by_the_rules_at_the_time_limit_is_no_truncation():
    step = Vector(walk(until=1, max_episode_steps=1), 1, seed=0).step(np.array([1]))
    assert (step.terminated.item(), step.truncated.item()) == (True, False)


def test_every_episode_of_every_copy_has_its_own_seed_and_neighbours_do_not_matter():
    two, three = Vector(walk(until=1), 2, seed=1), Vector(walk(until=1), 3, seed=1)
    starts = []
    for _ in range(40):
        np.testing.assert_array_equal(two.observations, three.observations[:2])
        starts.append(three.observations[:, 0].tolist())
        two.step(np.array([1, 1]))
        three.step(np.array([1, 1, 0 if len(starts) % 2 else 1]))
    assert len({row[0] for row in starts}) > 5
    assert [row[0] for row in starts] != [row[1] for row in starts]
    other = Vector(walk(until=1), 2, seed=2)
    assert drive(other, 20) != drive(Vector(walk(until=1), 2, seed=1), 20)


def test_only_the_named_copies_move():
    whole, part = Vector(walk(until=3), 3, seed=1), Vector(walk(until=3), 3, seed=1)
    before = part.observations
    for _ in range(4):
        every, some = whole.step(np.ones(3, np.int64)), part.step(np.ones(2, np.int64), [0, 2])
        for mine, other in zip(some[:4], every[:4], strict=True):
            np.testing.assert_array_equal(mine, other[[0, 2]])
        assert some.finished == [end for end in every.finished if end.copy != 1]
    np.testing.assert_array_equal(part.observations[[0, 2]], whole.observations[[0, 2]])
    np.testing.assert_array_equal(part.observations[1], before[1])


def test_arrays_handed_out_are_not_written_to_again():
    vector = Vector(walk(until=2), 2, seed=0)
    first = vector.observations
    kept = first.copy()
    step = vector.step(np.ones(2, np.int64))
    next_ones = step.observations.copy()
    vector.step(np.ones(2, np.int64))
    np.testing.assert_array_equal(first, kept)
    np.testing.assert_array_equal(step.observations, next_ones)


@pytest.mark.parametrize(("bad", "shown"), [("reward", "inf"), ("observation", "nan")])
def test_a_number_that_is_not_finite_names_environment_copy_and_step(bad: str, shown: str):
    vector = Vector(walk(bad=bad, at=3, until=99), 2, seed=0)
    with pytest.raises(
        TrainingError, match=f"Walk gave an? {bad} of {shown} in copy 0, episode 0, step 3"
    ):
        drive(vector, 5)


def test_an_environment_that_draws_elsewhere_cannot_be_resumed_and_is_told_so():
    vector = Vector(walk(steady=False), 2, seed=0)
    drive(vector, 6)
    with pytest.raises(CheckpointError, match="copy 0 of .*Walk shows something else"):
        Vector(walk(steady=False), 2, seed=0).seek(vector.position())


def test_a_position_of_other_copies_is_refused():
    position = Vector(walk(), 2, seed=0).position()
    with pytest.raises(CheckpointError, match="another environment than"):
        Vector(walk(until=9), 2, seed=0).seek(position)
    for other in (Vector(walk(), 3, seed=0), Vector(walk(), 2, seed=1)):
        with pytest.raises(CheckpointError, match="go on with the same ones, or start afresh"):
            other.seek(position)


def test_real_actions_are_clipped_for_the_environment_alone():
    pendulum = Environment(id="Pendulum-v1")
    wild, tame = Vector(pendulum, 1, seed=0), Vector(pendulum, 1, seed=0)
    given = np.array([[7.5]])
    assert wild.step(given).rewards == tame.step(np.array([[2.0]])).rewards
    assert given.item() == 7.5


class Liar(Walk):
    """Promises four numbers and shows one."""

    observation_space = spaces.Box(-1, 1, (4,))


def test_an_environment_that_shows_another_shape_than_promised_is_named():
    with pytest.raises(ConfigError, match=r"shape \(1,\); its own observation_space says \(4,\)"):
        Vector(Environment(id=f"{HERE}:Liar"), 1, seed=0)


def test_no_copies_are_no_vector():
    with pytest.raises(ConfigError, match="0 copies"):
        Vector(walk(), 0, seed=0)
