"""REINFORCE: whole episodes, one a copy; its returns, its baselines, and that it learns."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from practicum.errors import ConfigError, TrainingError
from practicum.models.build import build
from practicum.models.trunks import Dense
from practicum.rl.environments import Environment
from practicum.rl.reinforce import (
    Baseline,
    Episodes,
    Learned,
    Normalised,
    PolicyGradient,
    Raw,
    Reinforce,
)
from practicum.rl.rollouts import policy_for
from practicum.rl.score import score
from practicum.rl.vector import Vector
from practicum.training.loop import Watch

TASKS = Path(__file__).with_name("tasks.py")
MATCH, AIM = (Environment(id=f"{TASKS}:{name}") for name in ("Match", "Aim"))
POLE = Environment(id="CartPole-v1", options=(("max_episode_steps", 15),))
QUICK = Reinforce(trunk=Dense(hidden=(16,)), rate=3e-2, discount=0.5, save_every=3)
BASELINES = {"raw": Raw(), "normalised": Normalised(), "learned": Learned()}


def episodes(steps: int = 100, seed: int = 0) -> Episodes:
    vector = Vector(POLE, 3, seed=seed)
    model = build(policy_for(vector, Dense(hidden=(4,)), baseline=True), seed=seed)
    return Episodes(vector, model, steps=steps, seed=seed)


def test_every_copy_plays_one_whole_episode_for_an_update():
    source = episodes()
    (batch,) = next(source)
    lengths = batch.played.sum(0)
    assert len(set(lengths.tolist())) > 1  # some waited for others
    assert batch.count == lengths.sum() == batch.rewards.sum()
    assert all(batch.played[:n, copy].all() for copy, n in enumerate(lengths))
    assert len(batch.seen) == batch.count + batch.truncated.sum()
    assert source.position()["vector"]["episodes"] == [1, 1, 1]


def test_episodes_go_on_until_the_steps_are_done_and_can_be_put_back():
    whole, other = episodes(), episodes()
    batches = [next(whole)[0]]
    other.seek(whole.position())
    for (batch,) in iter(lambda: next(whole, None) or [], []):
        (again,) = next(other)
        assert torch.equal(batch.seen, again.seen)
        assert torch.equal(batch.actions, again.actions)
        batches.append(batch)
    assert sum(batch.count for batch in batches[:-1]) < 100 <= whole.done


def test_returns_count_what_follows_and_a_cut_is_worth_its_value():
    (batch,) = next(episodes())
    objective = PolicyGradient(discount=0.9, baseline=Learned())
    values = torch.arange(1.0, len(batch.seen) + 1)
    returns = np.zeros(batch.played.shape)
    returns[batch.played] = objective.returns(batch, values)
    cut_values = iter(values[batch.count :].tolist())
    for last, copy in np.argwhere(batch.truncated):
        assert last == 14
        after = 0.9**15 * next(cut_values)
        assert returns[0, copy] == pytest.approx((1 - 0.9**15) / 0.1 + after, rel=1e-5)
    for copy in np.flatnonzero(~batch.truncated.any(0)):
        length = batch.played[:, copy].sum()
        assert returns[0, copy] == pytest.approx((1 - 0.9**length) / 0.1, rel=1e-5)
        assert returns[length - 1, copy] == pytest.approx(1.0)


def test_baselines_are_subtracted_and_take_no_gradient():
    returns = torch.tensor([1.0, 2.0, 6.0])
    values = torch.tensor([0.5, 0.5, 1.0, 9.0], requires_grad=True)

    def weights(baseline: Baseline, values: torch.Tensor | None = None) -> torch.Tensor:
        return PolicyGradient(discount=1.0, baseline=baseline).weights(returns, values)

    assert weights(Raw()).tolist() == [1.0, 2.0, 6.0]
    assert weights(Learned(), values).tolist() == [0.5, 1.5, 5.0]
    assert not weights(Learned(), values).requires_grad
    assert weights(Normalised()).mean().item() == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("baseline", BASELINES.values(), ids=BASELINES)
def test_it_learns_to_name_letters(baseline: Baseline):
    agent = replace(QUICK, baseline=baseline).learn(MATCH, steps=2500, seed=3)
    assert score(agent, MATCH).mean > 7  # of 8; at random 2.7


def test_it_learns_to_aim_with_real_numbers():
    agent = QUICK.learn(AIM, steps=5000, seed=3)
    assert score(agent, AIM).mean > 6.5  # of 8; standing still earns 4


def test_an_interrupted_run_equals_an_uninterrupted_one(tmp_path: Path):
    whole = QUICK.learn(POLE, steps=400, seed=1)

    class Stop(Exception):
        pass

    def stop(step: int, model: object) -> None:
        if step == 7:
            raise Stop

    with pytest.raises(Stop):
        QUICK.learn(POLE, steps=400, seed=1, watch=Watch(folder=tmp_path, after_step=stop))
    resumed = QUICK.learn(POLE, steps=400, seed=1, watch=Watch(folder=tmp_path))
    for mine, other in zip(whole.model.parameters(), resumed.model.parameters(), strict=True):
        assert torch.equal(mine, other)


def test_an_episode_without_end_is_named():
    endless = Environment(id=f"{TASKS}:Match", options=(("length", 10**6),))
    with pytest.raises(TrainingError, match="did not end within 50 steps.*max_episode_steps"):
        QUICK.learn(endless, steps=50, seed=0)


def test_no_episodes_are_refused():
    with pytest.raises(ConfigError, match="0 episodes per update"):
        Reinforce(episodes=0)
