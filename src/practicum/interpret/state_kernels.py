"""What a state space layer convolves with, drawn: some kernels before training and after it."""

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure
from torch import nn

from practicum.errors import DataError
from practicum.interpret.signal_picture import signal_picture
from practicum.nn.state_space import StateSpaceLayer

SHOWN = 4  # channels


def kernel_picture(start: nn.Module, end: nn.Module, length: int) -> Figure:
    """Kernels of `length` steps of the first state space layer in two states of one network.

    Raises DataError for a network without such a layer.
    """
    before, after = (first_kernels(model, length) for model in (start, end))
    chosen = np.linspace(0, len(before) - 1, min(SHOWN, len(before))).astype(int)
    panels = {
        f"channel {c}": {"before training": before[c], "after": after[c]} for c in chosen.tolist()
    }
    return signal_picture(panels, title="Kernels of the first layer", x="steps ago")


def first_kernels(model: nn.Module, length: int) -> Float[np.ndarray, "d t"]:
    """K̄ of every channel of the first state space layer. Raises DataError where there is none."""
    for part in model.modules():
        if isinstance(part, StateSpaceLayer):
            return part.kernels(length)[0].detach().cpu().numpy()
    raise DataError("no layer of this network is a state space; there are no kernels to draw")
