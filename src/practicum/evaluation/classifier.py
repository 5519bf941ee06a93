"""How often a network's highest output is the right class."""

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import nn


def answers(model: nn.Module, x: Float[np.ndarray, "n i"]) -> Float[np.ndarray, "n o"]:
    """What the network gives for every row, in evaluation mode and at once."""
    device = next(model.parameters()).device
    with torch.inference_mode():
        return model(torch.from_numpy(x).to(device)).cpu().numpy()


def accuracy(model: nn.Module, x: Float[np.ndarray, "n i"], labels: Int[np.ndarray, " n"]) -> float:
    """Share of rows whose highest output is the one of their label; ties go to the first."""
    return float((answers(model, x).argmax(axis=1) == labels).mean())
