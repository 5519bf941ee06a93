"""Tables: updates by hand, two kinds of end, ties, resuming, and a lake that is crossed."""

import json
from dataclasses import replace
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from practicum import events
from practicum.errors import CheckpointError, ConfigError, TrainingError
from practicum.rl.bins import Bins
from practicum.rl.cheese_maze import CheeseMaze
from practicum.rl.environments import Environment
from practicum.rl.exploration import Exploration
from practicum.rl.planning import success_probability, transitions_of, uniform
from practicum.rl.tabular import Learner, QLearning, Sarsa, TableAgent
from practicum.rl.worlds import TableWorld, world_of
from practicum.training.loop import Watch

LAKE = Environment(id="FrozenLake-v1")
GREEDY = Exploration(start=0.0, end=0.0)
RANDOM = Exploration(start=1.0, end=1.0)


class Stairs(gymnasium.Env):
    """Action 1 climbs from 0 to `top`, where +1 is; action 0 slips down one and costs `slip`."""

    observation_space = spaces.Discrete(4)
    action_space = spaces.Discrete(2)
    played: list[tuple[int, int, float, int, bool, bool]] = []

    def __init__(
        self, top: int = 3, slip: float = 0.1, cut: bool = False, bad: bool = False
    ) -> None:
        self.top, self.slip, self.cut, self.bad = top, slip, cut, bad

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.place = 0
        return 0, {}

    def step(self, action):
        before, self.place = self.place, max(0, self.place + (1 if action else -1))
        at_top = self.place == self.top
        reward = float("nan") if self.bad else 1.0 if at_top else 0.0 if action else -self.slip
        ends = at_top and not self.cut, at_top and self.cut
        self.played.append((before, int(action), reward, self.place, *ends))
        return self.place, reward, *ends, {}


def stairs(**options) -> Environment:
    Stairs.played.clear()
    return Environment(id=f"{__file__}:Stairs", options=tuple(options.items()))


def played() -> list[tuple[int, int, float, int, bool, bool]]:
    """What the copy of `Stairs` that was made from this file's path has gone through."""
    import sys

    return sys.modules[f"own_code_{Path(__file__).stem}"].Stairs.played


def stepped_maze() -> gymnasium.Env:
    """A maze whose table nobody believes, since a wrapper stands before it."""
    return gymnasium.wrappers.TransformReward(CheeseMaze(), lambda reward: reward)


@pytest.mark.parametrize("learner", [QLearning(), Sarsa()])
def test_a_table_learned_over_episodes_equals_the_equation_applied_by_hand(learner: Learner):
    learner = replace(learner, rate=0.3, discount=0.8, explore=RANDOM, initial=0.5)
    agent = learner.learn(stairs(), episodes=5, seed=3)
    steps, table = played(), np.full((4, 2), 0.5)
    assert len(steps) > 15
    for (s, a, r, after, terminated, _), following in zip(steps, [*steps[1:], None], strict=True):
        if terminated:
            future = 0.0
        elif isinstance(learner, QLearning):
            future = table[after].max()
        else:
            assert following is not None
            future = table[after, following[1]]
        table[s, a] += 0.3 * (r + 0.8 * future - table[s, a])
    np.testing.assert_array_equal(agent.table, table)


def test_the_two_rules_differ_in_what_they_take_to_follow():
    assert QLearning().ahead([1.0, 5.0, 2.0], lambda row: 2) == (5.0, None)
    assert Sarsa().ahead([1.0, 5.0, 2.0], lambda row: 2) == (2.0, 2)


@pytest.mark.parametrize("learner", [QLearning(), Sarsa()])
def test_a_cut_episode_has_a_future_and_an_ended_one_has_none(learner: Learner):
    learner = replace(learner, rate=1.0, discount=0.5, initial=4.0, explore=RANDOM)
    ended = learner.learn(stairs(top=1), episodes=20, seed=0)
    cut = learner.learn(stairs(top=1, cut=True), episodes=20, seed=0)
    assert ended.table[0, 1] == 1.0
    assert cut.table[0, 1] == 1.0 + 0.5 * 4.0


def test_the_lake_is_crossed_by_learning_and_not_by_looking_one_step_ahead():
    lake = transitions_of(LAKE.make())
    learned = QLearning(rate=0.2).learn(LAKE, episodes=1500, seed=100)
    nearsighted = QLearning(discount=0.0).learn(LAKE, episodes=200, seed=100)
    assert success_probability(lake, learned.policy, steps=100) >= 0.70
    assert success_probability(lake, nearsighted.policy, steps=100) <= 0.15
    assert success_probability(lake, uniform(lake), steps=100) <= 0.05


@pytest.mark.parametrize("learner", [QLearning(), Sarsa(ties="first")])
def test_the_copied_table_is_the_environment(learner: Learner):
    limit = (("max_episode_steps", 30),)
    copied = Environment(id="practicum.rl.cheese_maze:CheeseMaze", options=limit)
    plain = Environment(id=f"{__file__}:stepped_maze", options=limit)
    assert isinstance(world_of(copied), TableWorld)
    assert not isinstance(world_of(plain), TableWorld)
    tables = [learner.learn(world, episodes=60, seed=7).table for world in (copied, plain)]
    np.testing.assert_array_equal(*tables)


def test_the_copied_table_draws_with_the_same_probabilities():
    world = world_of(LAKE)
    counts = np.zeros(16)
    for seed in range(3000):
        world.reset(seed)
        counts[world.step(2)[0]] += 1
    np.testing.assert_allclose(counts[[0, 1, 4]] / 3000, 1 / 3, atol=0.04)
    assert counts[[0, 1, 4]].sum() == 3000


def test_the_copied_table_cuts_where_the_environment_does():
    world = world_of(Environment(id="FrozenLake-v1", options=(("max_episode_steps", 2),)))
    world.reset(1)
    assert [world.step(0)[2:] for _ in range(2)] == [(False, False), (False, True)]


def test_first_ties_never_leave_the_spot_and_random_ties_do():
    learner, flat = QLearning(explore=GREEDY), stairs(slip=0.0)
    stuck = replace(learner, ties="first").learn(flat, steps=200, seed=0)
    free = learner.learn(flat, steps=200, seed=0)
    assert not stuck.table.any()
    assert free.table[2, 1] > 0.5


def test_exploration_falls_along_a_line_and_stays():
    line = Exploration(start=1.0, end=0.1, share=0.5)
    assert [line.at(done) for done in (0.0, 0.25, 0.5, 1.0)] == pytest.approx([1, 0.55, 0.1, 0.1])
    assert Exploration(start=1.0, end=0.2, share=0.0).at(0.0) == 0.2
    with pytest.raises(ConfigError, match="Exploration.end is 2"):
        Exploration(end=2.0)


def test_steps_are_counted_to_the_last_one():
    QLearning(explore=RANDOM).learn(stairs(), steps=101, seed=0)
    assert len(played()) == 101


class Stop(Exception):
    """Stands for a process that dies."""


def curve_of(call, die_after: int | None = None) -> list[tuple[float, int | None]]:
    points: list[tuple[float, int | None]] = []

    def listener(event: events.Event) -> None:
        if isinstance(event, events.Metric):
            points.append((event.value, event.step))
            if len(points) == die_after:
                raise Stop

    with events.listening(listener):
        call()
    return points


@pytest.mark.parametrize("length", [{"episodes": 150}, {"steps": 1500}])
def test_a_resumed_table_equals_an_uninterrupted_one(tmp_path, length):
    learner, kept = QLearning(), Watch(folder=tmp_path)
    whole: list[TableAgent] = []
    curve = curve_of(lambda: whole.append(learner.learn(LAKE, seed=5, **length)))
    with pytest.raises(Stop):
        curve_of(lambda: learner.learn(LAKE, seed=5, watch=kept, **length), die_after=40)
    resumed: list[TableAgent] = []
    rest = curve_of(lambda: resumed.append(learner.learn(LAKE, seed=5, watch=kept, **length)))
    np.testing.assert_array_equal(resumed[0].table, whole[0].table)
    assert rest == curve[-len(rest) :]
    assert 0 < len(rest) < len(curve)


def test_a_table_of_another_run_is_refused_and_a_damaged_one_named(tmp_path):
    watch = Watch(folder=tmp_path)
    QLearning().learn(LAKE, episodes=20, seed=5, watch=watch)
    with pytest.raises(CheckpointError, match="another learner, environment, length or seed"):
        QLearning(discount=0.9).learn(LAKE, episodes=20, seed=5, watch=watch)
    fresh = replace(watch, resume=False)
    QLearning(discount=0.9).learn(LAKE, episodes=20, seed=5, watch=fresh)
    file = tmp_path / "table.json"
    file.write_text(file.read_text()[:50])
    with pytest.raises(CheckpointError, match="table.json is damaged"):
        QLearning(discount=0.9).learn(LAKE, episodes=20, seed=5, watch=watch)
    file.write_text(json.dumps({"table": []}))
    with pytest.raises(CheckpointError, match="table.json is damaged"):
        QLearning(discount=0.9).learn(LAKE, episodes=20, seed=5, watch=watch)


def test_the_agent_acts_by_its_table_and_draws_among_ties():
    world = world_of(stairs())
    table = np.array([[0.0, 1.0], [2.0, 2.0], [1.0, 0.0], [0.0, 0.0]])
    agent = TableAgent(table, world.numbers, "random")
    rows = np.eye(4, dtype=np.float32)
    assert agent.act(rows).tolist() == [1, 0, 0, 0]
    draw = np.random.default_rng(0)
    drawn = np.array([agent.sample(rows, draw) for _ in range(400)])
    assert drawn[:, [0, 2]].mean(0).tolist() == [1.0, 0.0]
    np.testing.assert_allclose(drawn[:, [1, 3]].mean(0), 0.5, atol=0.1)
    np.testing.assert_array_equal(replace(agent, ties="first").policy[1], [1.0, 0.0])


def test_cards_are_numbered_by_all_they_show():
    agent = QLearning().learn(Environment(id="Blackjack-v1"), episodes=200, seed=0)
    assert agent.table.shape == (32 * 11 * 2, 2)
    assert (agent.table != 0).any()


def test_real_numbers_fall_into_bins():
    bins = Bins(low=(0.0, -1.0), high=(1.0, 1.0), counts=(2, 4))
    rows = np.array([[0.0, -1.0], [0.49, 0.9], [0.5, -9.0], [1.0, 9.0]])
    assert bins.states == 8
    assert bins.states_of(rows).tolist() == [0, 3, 4, 7]
    with pytest.raises(ConfigError, match="2 axes of bins for observations of 3"):
        bins.states_of(np.zeros((1, 3)))
    with pytest.raises(ConfigError, match="equally long"):
        Bins(low=(0.0,), high=(1.0, 2.0), counts=(3, 3))
    with pytest.raises(ConfigError, match="0 bins between"):
        Bins(low=(0.0,), high=(1.0,), counts=(0,))


def test_a_pole_can_be_balanced_from_bins_for_a_while():
    bins = Bins(low=(-2.4, -2.0, -0.2, -2.0), high=(2.4, 2.0, 0.2, 2.0), counts=(1, 1, 6, 6))
    agent = QLearning(bins=bins).learn(Environment(id="CartPole-v1"), episodes=20, seed=0)
    assert agent.table.shape == (36, 2)
    assert agent.act(np.zeros((3, 4), np.float32)).shape == (3,)


@pytest.mark.parametrize(
    ("id", "said"),
    [
        ("CartPole-v1", r"discrete observations; CartPole-v1 shows.*give bins"),
        ("Pendulum-v1", "Discrete actions; Pendulum-v1 takes"),
    ],
)
def test_what_no_table_can_hold_is_refused(id: str, said: str):
    with pytest.raises(ConfigError, match=said):
        QLearning().learn(Environment(id=id), episodes=1, seed=0)


def test_impossible_learners_lengths_and_rewards_are_refused():
    with pytest.raises(ConfigError, match="rate 0"):
        QLearning(rate=0.0)
    with pytest.raises(ConfigError, match="either steps or episodes"):
        QLearning().learn(LAKE, seed=0)
    with pytest.raises(ConfigError, match="either steps or episodes"):
        QLearning().learn(LAKE, steps=3, episodes=3, seed=0)
    with pytest.raises(TrainingError, match="reward of nan"):
        QLearning().learn(stairs(bad=True), steps=3, seed=0)
