"""One network from several checkpoints of a run: θ̄ = 1/k Σ θᵢ (Vaswani et al. 2017, §6.1: k = 5).

`Watch.keep` keeps them. Only the path of one run is averaged: what two runs learned stands in other
places of their networks, and the mean of both is neither.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from practicum.errors import CheckpointError
from practicum.training.checkpoint import saved_weights


def average_checkpoints(model: nn.Module, checkpoints: Sequence[Path]) -> None:
    """Give `model` the mean of the weights in `checkpoints`, summed in float64.

    Raises CheckpointError: none given, one missing or damaged, of another run than the first, or of
    another model.
    """
    parameters = dict(model.named_parameters())
    sums: dict[str, Tensor] = {}
    first = None
    for checkpoint in checkpoints:
        run, weights = saved_weights(checkpoint)
        if first is not None and run != first:
            raise CheckpointError(
                f"{checkpoint} is of another run than {checkpoints[0]} ({run}, not {first}); "
                "average checkpoints of one run"
            )
        if _shapes(weights) != _shapes(parameters):
            raise CheckpointError(f"{checkpoint} is of another model; it has other weights")
        first = run
        for name, values in weights.items():
            sums[name] = values.double() + sums[name] if name in sums else values.double()
    if not sums:
        raise CheckpointError("there are no checkpoints to average; train with Watch.keep above 1")
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(sums[name] / len(checkpoints))


def _shapes(tensors: dict[str, Tensor] | dict[str, nn.Parameter]) -> dict[str, torch.Size]:
    """Of each by its name."""
    return {name: tensor.shape for name, tensor in tensors.items()}
