"""How much an estimated gradient varies from draw to draw, at fixed weights on fixed examples.

    Var ĝ = E‖ĝ − E ĝ‖²

is the trace of its covariance, estimated without bias over as many draws as asked for. What varies
is what the objective draws: chosen places, noise, masks. Nothing is changed.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from practicum.errors import ConfigError
from practicum.objectives.objective import Objective
from practicum.seeding import stream


def estimator_variance(
    model: nn.Module,
    objective: Objective[Any],
    examples: Sequence[Any],
    *,
    draws: int,
    seed: int,
    params: Sequence[nn.Parameter] | None = None,
) -> float:
    """Var of the gradient of the mean loss, with respect to `params` (default: all that learn).

    Equal seeds draw alike, so that two objectives are compared on the same draws.
    """
    if draws < 2:
        raise ConfigError(f"a variance over {draws} draws; expected at least 2")
    wanted = [p for p in (model.parameters() if params is None else params) if p.requires_grad]
    training, device = model.training, wanted[0].device
    model.eval()
    gradients = []
    for number in range(draws):
        batch = objective.prepare(examples, stream(seed, "draw", number)).to(device)
        loss = objective.loss(model, batch)
        parts = torch.autograd.grad(
            loss.total / loss.count, wanted, allow_unused=True, materialize_grads=True
        )
        gradients.append(torch.cat([part.flatten() for part in parts]))
    model.train(training)
    return float(torch.stack(gradients).var(dim=0).sum())
