"""How much the policy gradient of REINFORCE varies from batch to batch, at one fixed policy.

    Var ĝ = E‖ĝ − E ĝ‖²,    ĝ = 1/n Σ over n episodes Σ_t ∇ log π(a_t|s_t) (G_t − b(s_t))

is the trace of its covariance, estimated without bias over batches of n episodes. A baseline that
does not depend on the action leaves E ĝ as it is (Williams 1992), so less variance is all gain.
Baselines are compared on the same episodes.
"""

from collections.abc import Sequence

import torch

from practicum.errors import ConfigError
from practicum.models.agents import PolicyModel
from practicum.rl.environments import Environment
from practicum.rl.reinforce import Baseline, Episodes, Learned, PolicyGradient, Raw, Reinforce
from practicum.rl.vector import Vector
from practicum.seeding import derive
from practicum.training.budget import Budget
from practicum.training.loop import Watch, fit

ENDLESS = 2**62  # environment steps: the number of batches decides
WATCH = Watch(name="values of a fixed policy")


def fit_baseline(
    model: PolicyModel,
    environment: Environment,
    budget: Budget,
    *,
    discount: float,
    seed: int,
) -> None:
    """Train V(s) of `model` alone, on `budget.batch` episodes of its policy an update."""
    vector = Vector(environment, budget.batch, seed=derive(seed, "baseline"))
    source = Episodes(vector, model, steps=ENDLESS, seed=derive(seed, "baseline"))
    values = [p for name, p in model.named_parameters() if name.startswith("value")]
    objective = PolicyGradient(discount=discount, baseline=Learned())
    try:
        fit(model, source, objective, budget, seed=seed, params=values, watch=WATCH)
    finally:
        vector.close()


def gradient_variance(
    model: PolicyModel,
    environment: Environment,
    baselines: Sequence[Baseline],
    *,
    batches: int,
    episodes: int,
    discount: float,
    seed: int,
) -> list[float]:
    """The variance of the gradient with each of `baselines`, over `batches` of `episodes` each.

    Gradients are those of the policy's own parameters; `model` is not changed.
    """
    if batches < 2:
        raise ConfigError(f"a variance over {batches} batches; expected at least 2")
    vector = Vector(environment, episodes, seed=seed)
    source = Episodes(vector, model, steps=ENDLESS, seed=seed)
    policy = [p for name, p in model.named_parameters() if not name.startswith("value")]
    sums = [torch.zeros(sum(p.numel() for p in policy)) for _ in baselines]
    squares = [0.0 for _ in baselines]
    for _ in range(batches):
        (batch,) = next(source)
        for index, baseline in enumerate(baselines):
            loss = PolicyGradient(discount=discount, baseline=baseline).loss(model, batch)
            parts = torch.autograd.grad(loss.total / episodes, policy)
            gradient = torch.cat([part.flatten() for part in parts])
            sums[index] += gradient
            squares[index] += float(gradient.square().sum())
    vector.close()
    return [
        (square - float(total.square().sum()) / batches) / (batches - 1)
        for square, total in zip(squares, sums, strict=True)
    ]


def with_and_without(
    learner: Reinforce,
    environment: Environment,
    *,
    steps: int,
    baseline: Budget,
    batches: int,
    seed: int,
) -> tuple[float, float]:
    """The variance with no baseline, and with one that was fitted to the policy by `baseline`.

    The policy is what `learner` has come to after `steps` steps.
    """
    model = learner.learn(environment, steps=steps, seed=seed).model
    assert isinstance(model, PolicyModel), type(model)
    discount = learner.discount
    fit_baseline(model, environment, baseline, discount=discount, seed=seed)
    raw, learned = gradient_variance(
        model,
        environment,
        [Raw(), Learned()],
        batches=batches,
        episodes=learner.episodes,
        discount=discount,
        seed=derive(seed, "variance"),
    )
    return raw, learned
