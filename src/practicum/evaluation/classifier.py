"""How often a network's highest output is the right class."""

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import nn


def answers(
    model: nn.Module, x: Float[np.ndarray, "n ..."], *, batch: int | None = None
) -> Float[np.ndarray, "n o"]:
    """What the network gives for every row, in evaluation mode; at once unless `batch` is given."""
    device = next(model.parameters()).device
    with torch.inference_mode():
        parts = torch.from_numpy(x).split(batch or max(1, len(x)))
        return torch.cat([model(part.to(device)) for part in parts]).cpu().numpy()


def accuracy(
    model: nn.Module,
    x: Float[np.ndarray, "n ..."],
    labels: Int[np.ndarray, " n"],
    *,
    batch: int | None = None,
) -> float:
    """Share of rows whose highest output is the one of their label; ties go to the first."""
    return float((answers(model, x, batch=batch).argmax(axis=1) == labels).mean())
