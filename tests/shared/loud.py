"""Networks with random weights whose texts tell them apart."""

from typing import Any

import torch

from practicum.models.build import build


def loud(
    description: Any, *, seed: int = 3, times: float = 4.0, dtype: torch.dtype = torch.float64
) -> Any:
    """What `description` builds, its matrices `times` as large as they start.

    At their initial size the logits hardly depend on the text. In float64 no choice is tipped by
    rounding.
    """
    model = build(description, seed=seed, dtype=dtype)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.mul_(times)
    return model
