"""PPO: the clipped surrogate, minibatches of judged rollouts, exact resuming, and learning."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from practicum.errors import ConfigError
from practicum.models.build import build
from practicum.models.trunks import Dense
from practicum.rl.environments import Environment
from practicum.rl.ppo import PPO, ClippedObjective, Minibatches, clipped_surrogate
from practicum.rl.rollouts import Rollouts, policy_for
from practicum.rl.score import score
from practicum.rl.vector import Vector
from practicum.training.loop import Watch

TASKS = Path(__file__).with_name("tasks.py")
MATCH, AIM = (Environment(id=f"{TASKS}:{name}") for name in ("Match", "Aim"))
QUICK = PPO(
    copies=4,
    length=8,
    epochs=3,
    minibatch=16,
    trunk=Dense(hidden=(16,)),
    rate=1e-2,
    discount=0.5,
    save_every=4,  # so that rollouts are cut within an epoch
)


def minibatches(steps: int = 96) -> Minibatches:
    vector = Vector(MATCH, 4, seed=0)
    model = build(policy_for(vector, Dense(hidden=(8,)), baseline=True), seed=0)
    rollouts = Rollouts(vector, model, length=8, steps=steps, seed=0)
    return Minibatches(rollouts, size=16, epochs=3, discount=0.9, smoothing=0.8)


def test_the_surrogate_is_flat_beyond_the_clip_and_only_on_the_side_that_would_gain():
    ratios = torch.tensor([0.5, 0.5, 1.0, 1.5, 1.5])
    advantages = torch.tensor([1.0, -1.0, 1.0, 1.0, -1.0])
    log_prob = ratios.log().requires_grad_()
    loss = clipped_surrogate(log_prob, torch.zeros(5), advantages, 0.2)
    torch.testing.assert_close(loss.detach(), torch.tensor([-0.5, 0.8, -1.0, -1.2, 1.5]))
    loss.sum().backward()
    assert log_prob.grad is not None
    assert (log_prob.grad != 0).tolist() == [True, False, True, False, True]


def test_at_the_policy_that_acted_the_gradient_is_that_of_the_log_probabilities():
    source = minibatches()
    (batch,), model = next(source), source.rollouts.model
    objective = ClippedObjective(clip=0.2, value_weight=0.0, entropy_weight=0.0, normalise=False)
    objective.loss(model, batch).total.backward()
    clipped = model.head.weight.grad
    model.zero_grad()
    log_prob = model.description.head.log_prob(model.scores(batch.observations), batch.actions)
    (-log_prob * batch.advantages).sum().backward()
    torch.testing.assert_close(clipped, model.head.weight.grad)


def test_every_step_of_a_rollout_is_read_once_in_an_epoch_and_in_another_order_each_time():
    source = minibatches()
    epochs = [torch.cat([next(source)[0].advantages for _ in range(2)]) for _ in range(3)]
    for other in epochs[1:]:
        assert torch.equal(epochs[0].sort().values, other.sort().values)
        assert not torch.equal(epochs[0], other)
    assert source.judged is None
    assert len(list(iter(lambda: next(source, None), None))) == 2 * 6  # two more rollouts


def test_minibatches_can_be_put_back_within_a_rollout():
    whole, other = minibatches(), minibatches()
    for _ in range(4):
        next(whole)
    other.seek(whole.position())
    for _ in range(8):
        (mine,), (again,) = next(whole), next(other)
        for name, value in vars(mine).items():
            assert torch.equal(value, vars(again)[name]), name


@pytest.mark.parametrize("environment", [MATCH, AIM], ids=["choices", "reals"])
@pytest.mark.parametrize("death", [2, 11])
def test_an_interrupted_run_equals_an_uninterrupted_one(
    environment: Environment, death: int, tmp_path: Path
):
    class Stop(Exception):
        pass

    def stop(step: int, model: object) -> None:
        if step == death:
            raise Stop

    whole = QUICK.learn(environment, steps=128, seed=1)
    with pytest.raises(Stop):
        QUICK.learn(environment, steps=128, seed=1, watch=Watch(folder=tmp_path, after_step=stop))
    resumed = QUICK.learn(environment, steps=128, seed=1, watch=Watch(folder=tmp_path))
    for mine, other in zip(whole.model.parameters(), resumed.model.parameters(), strict=True):
        assert torch.equal(mine, other)


def test_it_learns_to_name_letters():
    agent = replace(QUICK, entropy_weight=0.01).learn(MATCH, steps=1000, seed=3)
    assert score(agent, MATCH).mean > 7.5  # of 8; at random 2.7


def test_it_learns_to_aim_with_real_numbers():
    agent = QUICK.learn(AIM, steps=1600, seed=3)
    assert score(agent, AIM).mean > 7  # of 8; standing still earns 4


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"minibatch": 100}, "rollouts of 512 steps do not divide into minibatches of 100"),
        ({"trust": 0.0}, "PPO.trust is 0.0"),
        ({"epochs": 0}, "PPO.epochs is 0"),
    ],
)
def test_an_impossible_description_is_refused(fields: dict, said: str):
    with pytest.raises(ConfigError, match=said):
        PPO(**fields)
