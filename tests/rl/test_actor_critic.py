"""The actor-critic: its loss against the equation, its ends, exact resuming, and that it learns."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from practicum.errors import CheckpointError, ConfigError, TrainingError
from practicum.models.agents import AgentModel
from practicum.models.build import build
from practicum.models.trunks import Dense
from practicum.rl.actor_critic import ActorCritic, AdvantageLoss, batch_of, estimates
from practicum.rl.advantage import gae_reference
from practicum.rl.environments import Environment
from practicum.rl.rollouts import Rollouts, policy_for
from practicum.rl.score import score
from practicum.rl.vector import Vector
from practicum.training.loop import Watch

TASKS = Path(__file__).with_name("tasks.py")
MATCH, AIM = (Environment(id=f"{TASKS}:{name}") for name in ("Match", "Aim"))
QUICK = ActorCritic(
    copies=4, length=8, trunk=Dense(hidden=(16,)), rate=2e-2, discount=0.5, save_every=3
)


class Stop(Exception):
    """Stands for a process that dies between two steps."""


def stop_at(death: int) -> Watch:
    def after_step(step: int, model: object) -> None:
        if step == death:
            raise Stop

    return Watch(after_step=after_step)


def same_bits(ours: AgentModel, theirs: AgentModel) -> bool:
    pairs = zip(ours.parameters(), theirs.parameters(), strict=True)
    return all(torch.equal(mine, other) for mine, other in pairs)


@pytest.mark.parametrize("environment", [MATCH, AIM], ids=["choices", "reals"])
@pytest.mark.parametrize("death", [2, 7])
def test_an_interrupted_run_equals_an_uninterrupted_one(
    environment: Environment, death: int, tmp_path: Path
):
    whole = QUICK.learn(environment, steps=400, seed=1)
    with pytest.raises(Stop):
        QUICK.learn(environment, steps=400, seed=1, watch=replace(stop_at(death), folder=tmp_path))
    resumed = QUICK.learn(environment, steps=400, seed=1, watch=Watch(folder=tmp_path))
    assert same_bits(whole.model, resumed.model)


def test_an_environment_that_cannot_be_played_again_is_not_resumed(tmp_path: Path):
    unsteady = Environment(id=f"{TASKS}:Unsteady", options=(("length", 99),))
    with pytest.raises(Stop):
        QUICK.learn(unsteady, steps=400, seed=1, watch=replace(stop_at(7), folder=tmp_path))
    with pytest.raises(CheckpointError, match="must draw from self.np_random alone"):
        QUICK.learn(unsteady, steps=400, seed=1, watch=Watch(folder=tmp_path))


def test_the_loss_is_the_sum_of_its_three_terms():
    cut = Environment(id=f"{TASKS}:Match", options=(("cut", True), ("length", 5)))
    vector = Vector(cut, 2, seed=0)
    model = build(policy_for(vector, Dense(hidden=(8,)), baseline=True), seed=0)
    (rollout,) = next(Rollouts(vector, model, length=7, steps=14, seed=0))
    objective = AdvantageLoss(
        discount=0.9, smoothing=0.8, value_weight=0.3, entropy_weight=0.2, normalise=False
    )
    batch = objective.prepare([rollout], torch.Generator())
    loss = objective.loss(model, batch)

    x = torch.from_numpy(rollout.observations)
    with torch.no_grad():
        values = model.values(x.flatten(0, 1)).unflatten(0, (8, 2))
        next_values = values[1:].clone()
        next_values[torch.from_numpy(rollout.truncated)] = model.values(
            torch.from_numpy(rollout.cut)
        )
        advantages = torch.from_numpy(
            gae_reference(
                rollout.rewards,
                values[:-1].numpy(),
                next_values.numpy(),
                rollout.terminated,
                rollout.truncated,
                discount=0.9,
                smoothing=0.8,
            )
        ).flatten()
        logs = model.scores(x[:-1].flatten(0, 1)).log_softmax(1)
        chosen = logs[torch.arange(14), torch.from_numpy(rollout.actions).flatten()]
        returns = advantages + values[:-1].flatten()
        expected = (
            -(chosen * advantages).sum()
            + 0.3 * (values[:-1].flatten() - returns).square().sum()
            + 0.2 * (logs.exp() * logs).sum()
        )
    torch.testing.assert_close(loss.total.detach(), expected, rtol=1e-5, atol=1e-5)
    assert loss.count == batch.tokens == 14


def test_no_gradient_flows_through_advantages_and_targets():
    vector = Vector(MATCH, 2, seed=0)
    model = build(policy_for(vector, Dense(hidden=(8,)), baseline=True), seed=0)
    (rollout,) = next(Rollouts(vector, model, length=7, steps=14, seed=0))
    values = model.values(batch_of(rollout).seen)
    made = estimates(rollout, values, discount=0.9, smoothing=0.8)
    assert [part.requires_grad for part in made] == [False, False]


@pytest.mark.parametrize("shared", [False, True], ids=["two trunks", "one trunk"])
def test_it_learns_to_name_letters(shared: bool):
    learner = replace(QUICK, shared=shared, entropy_weight=0.01)
    agent = learner.learn(MATCH, steps=2500, seed=3)
    assert score(agent, MATCH).mean > 7.5  # of 8; at random 2.7


def test_it_learns_to_aim_with_real_numbers():
    agent = replace(QUICK, rate=2e-2).learn(AIM, steps=6000, seed=3)
    assert score(agent, AIM).mean > 6  # of 8; standing still earns 4
    drawn = agent.sample(np.zeros((500, 1), np.float32), np.random.default_rng(0))
    assert drawn.shape == (500, 1)
    assert drawn.std() > 0.01


def test_a_reward_that_is_no_number_stops_learning_and_is_named():
    bad = Environment(id=f"{TASKS}:Match", options=(("nan_at", 21),))
    with pytest.raises(
        TrainingError, match="Match gave a reward of nan in copy 0, episode 2, step 5"
    ):
        QUICK.learn(bad, steps=400, seed=0)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"discount": 1.5}, "discount 1.5"),
        ({"copies": 0}, "0 copies"),
        ({"copies": 1, "length": 1}, "at least two steps"),
    ],
)
def test_an_impossible_description_is_refused(fields: dict, said: str):
    with pytest.raises(ConfigError, match=said):
        ActorCritic(**fields)


def test_too_few_steps_for_an_update_are_refused():
    with pytest.raises(ConfigError, match="31 environment steps are less than one update"):
        QUICK.learn(MATCH, steps=31, seed=0)
