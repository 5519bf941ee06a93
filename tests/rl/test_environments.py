"""Descriptions make environments, and spaces become arrays; what cannot be made is named."""

from pathlib import Path

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from practicum.config import from_json, to_json
from practicum.errors import ConfigError, PracticumError, UnknownName
from practicum.rl.environments import (
    Choices,
    Environment,
    Observations,
    Reals,
    actions_of,
    observations_of,
)

OWN = """
import gymnasium, numpy as np
class Counter(gymnasium.Env):
    observation_space = gymnasium.spaces.Discrete(5, start=2)
    action_space = gymnasium.spaces.Discrete(3, start=-1)
    def __init__(self, step=1, render_mode=None):
        self.stride = step
    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.at = 2
        return self.at, {}
    def step(self, action):
        assert self.action_space.contains(action)
        self.at = min(6, max(2, self.at + self.stride * action))
        return self.at, float(action), False, False, {}
nothing = lambda: "not a world"
"""


@pytest.fixture
def own(tmp_path: Path) -> str:
    (tmp_path / "own.py").write_text(OWN)
    return f"{tmp_path / 'own.py'}"


def test_a_gymnasium_id_takes_options_and_a_limit():
    lake = Environment(
        id="FrozenLake-v1", options=(("is_slippery", False), ("max_episode_steps", 7))
    )
    made = lake.make()
    assert made.spec is not None
    assert made.spec.max_episode_steps == 7
    made.reset(seed=0)
    assert made.step(1)[0] == 4


def test_a_description_survives_json():
    lake = Environment(id="FrozenLake-v1", options=(("desc", ("SF", "FG")), ("is_slippery", True)))
    assert from_json(Environment, to_json(lake)) == lake
    assert observations_of(lake.make()).states == 4


def test_a_class_in_a_file_is_an_environment(own: str):
    described = Environment(
        id=f"{own}:Counter", options=(("step", 2), ("max_episode_steps", 3))
    ).make()
    described.reset(seed=0)
    assert [described.step(1)[0], described.step(0)[3], described.step(0)[3]] == [4, False, True]


def test_a_class_in_a_module_and_an_id_a_module_registers_are_environments():
    place = "gymnasium.envs.classic_control"
    assert Environment(id=f"{place}:CartPoleEnv").make().spec is None
    spec = Environment(id=f"{place}:CartPole-v1").make().spec
    assert spec is not None
    assert spec.max_episode_steps == 500


@pytest.mark.parametrize(
    ("id", "options", "kind", "said"),
    [
        ("CartPol-v1", (), UnknownName, "did you mean CartPole-v1"),
        ("CartPole-v9", (), UnknownName, "did you mean CartPole-v1"),
        ("CartPole-v1", (("colour", "red"),), ConfigError, "CartPole-v1.*colour"),
        ("no_such_module:World", (), ConfigError, "'no_such_module' cannot be imported"),
        ("no/such/file.py:World", (), ConfigError, "there is no file 'no/such/file.py'"),
        ("math:World", (), UnknownName, "no environment 'World'"),
        ("LunarLander-v3", (), ConfigError, "LunarLander-v3"),
        (" ", (), ConfigError, "needs an id"),
    ],
)
def test_what_cannot_be_made_is_named_in_one_line(
    id: str, options: tuple, kind: type[PracticumError], said: str
):
    with pytest.raises(kind, match=said) as problem:
        Environment(id=id, options=options).make()
    assert "\n" not in str(problem.value)


def test_something_that_is_no_environment_is_refused(own: str):
    with pytest.raises(ConfigError, match="made a str; expected a gymnasium.Env"):
        Environment(id=f"{own}:nothing").make()


def test_discrete_observations_are_one_hot_from_their_start(own: str):
    seen = observations_of(Environment(id=f"{own}:Counter").make())
    rows = np.stack([seen.encode(value) for value in (2, 6)])
    np.testing.assert_array_equal(rows, np.eye(5, dtype=np.float32)[[0, 4]])
    np.testing.assert_array_equal(seen.states_of(rows), [0, 4])


def test_the_parts_of_a_discrete_observation_make_one_number():
    seen = observations_of(Environment(id="Blackjack-v1").make())
    assert seen.shape == (32 + 11 + 2,)
    assert seen.states == 32 * 11 * 2
    rows = np.stack([seen.encode((3, 1, 0)), seen.encode((3, 1, 1)), seen.encode((31, 10, 1))])
    np.testing.assert_array_equal(seen.states_of(rows), [68, 69, 703])


def test_boxes_stay_as_they_are_and_pixels_stay_bytes():
    seen = Observations("x", spaces.Box(-1, 1, (2, 3), np.float64))
    assert (seen.shape, seen.dtype, seen.states) == ((2, 3), np.float32, None)
    assert Observations("x", spaces.Box(0, 255, (8, 8), np.uint8)).dtype == np.uint8
    assert Observations("x", spaces.Box(0, 1, ())).encode(0.5).shape == (1,)
    with pytest.raises(ConfigError, match="a table needs discrete observations"):
        seen.states_of(np.zeros((1, 2, 3), np.float32))


def test_frames_are_stacked_along_a_new_first_axis():
    assert observations_of(Environment(id="CartPole-v1", frames=4).make()).shape == (4, 4)


def test_spaces_that_are_no_array_are_refused():
    with pytest.raises(ConfigError, match="expected Box or Discrete"):
        Observations("Chat-v0", spaces.Sequence(spaces.Discrete(8)))


class Odd(gymnasium.Env):
    """Takes two choices at once."""

    action_space = spaces.MultiDiscrete([2, 3])
    observation_space = spaces.Discrete(2)


def test_actions_are_choices_or_reals_and_nothing_else(own: str):
    assert actions_of(Environment(id="CartPole-v1").make()) == Choices(2)
    assert actions_of(Environment(id=f"{own}:Counter").make()) == Choices(3, -1)
    assert isinstance(actions_of(Environment(id="Pendulum-v1").make()), Reals)
    with pytest.raises(ConfigError, match="Odd takes actions of MultiDiscrete"):
        actions_of(Odd())


def test_choices_count_from_the_start_of_the_space():
    assert Choices(3, -1).for_environment(np.array([0, 2])) == [-1, 1]


def test_reals_are_clipped_only_on_their_way_in():
    reals = Reals(spaces.Box(-1, 2, (2,), np.float32))
    given = np.array([[-3.0, 0.25], [5.0, 2.0]])
    taken = reals.for_environment(given)
    np.testing.assert_array_equal(np.stack(taken), [[-1, 0.25], [2, 2]])
    assert taken[0].dtype == np.float32
    assert given[0, 0] == -3.0
