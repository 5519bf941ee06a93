"""Rollouts of a policy: what they hold, when they end, and that they go on exactly."""

import json
from pathlib import Path

import numpy as np
import pytest

from practicum import events
from practicum.errors import ConfigError
from practicum.models.agents import PolicyModel
from practicum.models.build import build
from practicum.models.trunks import Dense
from practicum.rl.environments import Environment
from practicum.rl.rollouts import Rollout, Rollouts, Tally, policy_for, updates_within
from practicum.rl.vector import Finished, Vector

TASKS = Path(__file__).with_name("tasks.py")
TINY = Dense(hidden=(4,))


def source(name: str = "Match", steps: int = 120, seed: int = 1, **options: bool | int) -> Rollouts:
    environment = Environment(id=f"{TASKS}:{name}", options=tuple(options.items()))
    vector = Vector(environment, 3, seed=seed)
    model: PolicyModel = build(policy_for(vector, TINY, baseline=True), seed=seed)
    return Rollouts(vector, model, length=10, steps=steps, seed=seed)


def same(a: Rollout, b: Rollout) -> None:
    for name, value in vars(a).items():
        np.testing.assert_array_equal(value, vars(b)[name])


@pytest.mark.parametrize("name", ["Match", "Aim"])
def test_a_source_put_back_gives_the_same_rollouts(name: str):
    whole, other = source(name), source(name)
    next(whole)
    position = json.loads(json.dumps(whole.position()))
    other.seek(position)
    for _ in range(3):
        same(next(whole)[0], next(other)[0])
    with pytest.raises(StopIteration):
        next(other)


def test_steps_are_those_of_all_copies_and_only_whole_rollouts_count():
    ours = source(steps=89)
    assert ours.count == 2
    assert updates_within(30, 30) == 1
    with pytest.raises(ConfigError, match="29 environment steps are less than one update needs"):
        updates_within(29, 30)


def test_rows_follow_one_another_and_rewards_belong_to_them():
    (rollout,) = next(source())
    letters = rollout.observations.argmax(2)
    np.testing.assert_array_equal(rollout.rewards, rollout.actions == letters[:-1])
    assert rollout.terminated.sum(0).tolist() == [1, 1, 1]
    assert not rollout.truncated.any()
    assert rollout.cut.shape == (0, 3)


def test_the_true_observations_after_a_cut_are_kept_row_by_row():
    ours = source("Aim", cut=True, length=4)
    (rollout,) = next(ours)
    assert rollout.truncated.sum() == len(rollout.cut) == 6
    assert not rollout.terminated.any()
    after = rollout.observations[1:][rollout.truncated]  # first ones of the next episodes
    assert (after != rollout.cut).all()


def test_every_rollout_and_every_seed_has_chance_of_its_own():
    ours = source()
    first, second = (next(ours)[0].actions.tolist() for _ in range(2))
    assert first != second
    assert first != next(source(seed=2))[0].actions.tolist()


def test_returns_are_told_as_a_mean_and_not_too_often():
    heard: list[events.Event] = []
    tally = Tally(steps=2000)  # so a point is 10 steps from the last, or more
    with events.listening(heard.append):
        tally.add([Finished(0, 3.0, 5), Finished(1, 5.0, 5)])
        tally.tell(10)
        tally.add([Finished(0, 7.0, 5)])
        tally.tell(19)
        again = Tally(steps=2000)
        again.seek(json.loads(json.dumps(tally.position())))
        again.tell(20)
        again.tell(40)  # no episode ended since
    told = [(event.value, event.step) for event in heard if isinstance(event, events.Metric)]
    assert told == [(4.0, 10), (7.0, 20)]
