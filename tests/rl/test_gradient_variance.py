"""Variance is what it says, a fitted baseline lowers it, and fitting changes nothing but V."""

import pytest
import torch

from practicum.errors import ConfigError
from practicum.models.action_heads import Categorical
from practicum.models.agents import Policy
from practicum.models.build import build
from practicum.rl.environments import Environment
from practicum.rl.gradient_variance import fit_baseline, gradient_variance, with_and_without
from practicum.rl.reinforce import Episodes, Learned, PolicyGradient, Raw, Reinforce
from practicum.rl.taught import ADAM
from practicum.rl.vector import Vector
from practicum.training.budget import Budget
from practicum.training.schedules import Constant

CART = Environment(id="CartPole-v1")
FIT = Budget(
    steps=60, batch=4, rate=2e-2, schedule=Constant(), warmup=0.0, optimiser=ADAM, clip=None
)


def model():
    return build(Policy(shape=(4,), head=Categorical(choices=2)), seed=0)


def test_the_variance_is_that_of_the_gradients_themselves():
    policy = model()
    (value,) = gradient_variance(
        policy, CART, [Raw()], batches=5, episodes=2, discount=0.99, seed=3
    )
    source = Episodes(Vector(CART, 2, seed=3), policy, steps=10**9, seed=3)
    named = [p for name, p in policy.named_parameters() if not name.startswith("value")]
    gradients = []
    for _ in range(5):
        (batch,) = next(source)
        loss = PolicyGradient(discount=0.99, baseline=Raw()).loss(policy, batch)
        parts = torch.autograd.grad(loss.total / 2, named)
        gradients.append(torch.cat([part.flatten() for part in parts]))
    assert value == pytest.approx(float(torch.stack(gradients).var(0).sum()), rel=1e-4)


def test_a_fitted_baseline_lowers_it_and_only_the_values_were_changed():
    policy = model()
    before = {name: p.clone() for name, p in policy.named_parameters()}
    fit_baseline(policy, CART, FIT, discount=0.99, seed=0)
    changed = {name for name, p in policy.named_parameters() if not torch.equal(p, before[name])}
    assert changed
    assert all(name.startswith("value") for name in changed)
    raw, learned = gradient_variance(
        policy, CART, [Raw(), Learned()], batches=40, episodes=4, discount=0.99, seed=1
    )
    assert raw > 1.5 * learned


def test_a_learned_policy_is_held_fixed_and_measured_both_ways():
    first, again = (
        with_and_without(Reinforce(), CART, steps=200, baseline=FIT, batches=20, seed=0)
        for _ in range(2)
    )
    assert first == again
    raw, learned = first
    assert raw > learned > 0


def test_one_batch_has_no_variance():
    with pytest.raises(ConfigError, match="at least 2"):
        gradient_variance(model(), CART, [Raw()], batches=1, episodes=1, discount=0.99, seed=0)
