"""AdamW (Loshchilov & Hutter 2019, alg. 2) with decay on matrices only.

The update is torch's fused one; what is ours is which parameters decay.
"""

from collections.abc import Iterable

import torch
from torch import nn

from practicum.errors import TrainingError
from practicum.training.budget import Budget


def adamw(params: Iterable[nn.Parameter], budget: Budget) -> torch.optim.AdamW:
    """An optimiser over `params`: those with two axes or more decay, vectors do not.

    Raises TrainingError when there is nothing to train.
    """
    trained = [p for p in params if p.requires_grad]
    if not trained:
        raise TrainingError("nothing to train: no parameter given requires a gradient")
    groups = [
        {"params": [p for p in trained if p.ndim >= 2], "weight_decay": budget.decay},
        {"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    return torch.optim.AdamW(groups, lr=budget.rate, betas=budget.betas, fused=True)
