"""Labels as rewards: nothing told but right or wrong, the expected gradient, resuming."""

import numpy as np
import pytest
import torch

from practicum.data.loader import Loader
from practicum.errors import ConfigError
from practicum.models.action_heads import Categorical
from practicum.models.build import build
from practicum.models.perceptron import Perceptron
from practicum.rl.bandit import Bandit, Guessing, exchanged, right
from practicum.rl.policy_gradient import policy_loss
from practicum.training.budget import Budget
from practicum.training.loop import Watch, fit

DRAW = np.random.default_rng(0)
SHOWN = DRAW.standard_normal((40, 5)).astype(np.float32)
EXAMPLES = [(x, int(x[:3].argmax())) for x in SHOWN]
NETWORK = Perceptron(widths=(5, 3), output="identity")


def test_rewards_are_one_for_what_is_right():
    source = Bandit(EXAMPLES, build(NETWORK), 8, seed=3)
    rows = next(Loader(EXAMPLES, 8, seed=3))
    (trials,) = next(source)
    wanted = [float(a == label) for a, (_, label) in zip(trials.actions, rows, strict=True)]
    assert trials.advantages.tolist() == wanted  # the first baseline is 0
    assert torch.equal(trials.x, torch.from_numpy(np.stack([x for x, _ in rows])))
    assert source.baseline == pytest.approx(0.05 * np.mean(wanted))


def test_the_baseline_is_that_of_batches_gone_by():
    source = Bandit(EXAMPLES, build(NETWORK), 8, seed=3, decay=0.5)
    baseline = 0.0
    for _ in range(4):
        (trials,) = next(source)
        rewards = trials.advantages.numpy() + baseline
        assert set(rewards.round(6).tolist()) <= {0.0, 1.0}
        baseline = 0.5 * baseline + 0.5 * rewards.mean()
        assert source.baseline == pytest.approx(baseline)


def test_actions_are_drawn_from_the_policy():
    model = build(NETWORK, seed=1)
    same = [(SHOWN[0], 0)] * 4
    source = Bandit(same, model, 4000, seed=0)
    (trials,) = next(source)
    wanted = model(torch.from_numpy(SHOWN[:1])).softmax(1)[0].detach()
    found = torch.bincount(trials.actions, minlength=3) / 4000
    torch.testing.assert_close(found, wanted, atol=0.03, rtol=0)


def test_on_average_the_gradient_is_that_of_the_expected_reward():
    scores = torch.tensor([[0.3, -0.2, 0.5]], dtype=torch.float64, requires_grad=True)
    label, baseline = 1, 0.4
    policy = scores.softmax(1)[0]
    (exact,) = torch.autograd.grad(policy[label], scores)
    mean = torch.zeros_like(scores)
    for action, probability in enumerate(policy.detach()):
        reward = torch.tensor([float(action == label) - baseline], dtype=torch.float64)
        loss = policy_loss(Categorical(choices=3), scores, torch.tensor([action]), reward)
        mean -= probability * torch.autograd.grad(loss, scores)[0]
    torch.testing.assert_close(mean, exact)


def test_the_entropy_bonus_rewards_evenness():
    head, weights = Categorical(choices=3), torch.zeros(1)
    even, sure = torch.zeros(1, 3), torch.tensor([[9.0, 0.0, 0.0]])
    action = torch.tensor([0])
    losses = [
        float(policy_loss(head, scores, action, weights, entropy_weight=1.0))
        for scores in (even, sure)
    ]
    assert losses[0] == pytest.approx(-np.log(3))
    assert losses[0] < losses[1]


def test_nobody_keeps_their_own_reward_when_they_are_exchanged():
    actions, labels = np.arange(16), np.arange(16)
    labels[1:] += 1  # only the first is right
    for seed in range(40):
        rewards = exchanged(actions, labels, np.random.default_rng(seed))
        assert rewards.sum() == 1
        assert rewards[0] == 0
    assert right(actions, labels, np.random.default_rng(0)).tolist() == [1.0] + [0.0] * 15


def test_a_model_learns_from_rewards_and_not_from_those_of_others():
    budget = Budget(steps=150, batch=16, rate=3e-2)
    reached = {}
    for reward in (right, exchanged):
        model = build(NETWORK, seed=0)
        source = Bandit(EXAMPLES, model, 16, seed=0, reward=reward)
        fit(model, source, Guessing(), budget, seed=0)
        answers = model(torch.from_numpy(SHOWN)).argmax(1).numpy()
        reached[reward] = float((answers == SHOWN[:, :3].argmax(1)).mean())
    assert reached[right] > 0.85
    assert reached[exchanged] < 0.7


def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path):
    class Stop(Exception):
        pass

    def die(step, _):
        if step == 7:
            raise Stop

    budget = Budget(steps=12, batch=8, rate=1e-2, save_every=5)
    whole, broken, again = (build(NETWORK, seed=0) for _ in range(3))
    fit(whole, Bandit(EXAMPLES, whole, 8, seed=1), Guessing(), budget, seed=0)
    watch = Watch(folder=tmp_path, after_step=die)
    with pytest.raises(Stop):
        fit(broken, Bandit(EXAMPLES, broken, 8, seed=1), Guessing(), budget, seed=0, watch=watch)
    watch = Watch(folder=tmp_path)
    fit(again, Bandit(EXAMPLES, again, 8, seed=1), Guessing(), budget, seed=0, watch=watch)
    for mine, other in zip(again.parameters(), whole.parameters(), strict=True):
        assert torch.equal(mine, other)


def test_an_impossible_decay_is_refused():
    with pytest.raises(ConfigError, match=r"decay 1\.0"):
        Bandit(EXAMPLES, build(NETWORK), 4, seed=0, decay=1.0)
