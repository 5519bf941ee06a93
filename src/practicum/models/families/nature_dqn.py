"""The network of human-level control (Mnih et al. 2015, Methods, "Model architecture").

Four frames of 84 × 84 grey pixels, three convolutions, 512 neurons, one output for each action.
"""

from practicum.models.agents import ActionValues
from practicum.models.trunks import Convolutions


def nature_dqn(*, choices: int, frames: int = 4, side: int = 84) -> ActionValues:
    """Q-network for images of `side` × `side`, the last `frames` of them stacked."""
    return ActionValues(shape=(frames, side, side), choices=choices, trunk=Convolutions())


# Counts recomputed from the layers; the games have 4 (Breakout) to 18 (all) actions.
SIZES = {
    "4 actions": (nature_dqn(choices=4), 1_686_180),
    "18 actions": (nature_dqn(choices=18), 1_693_362),
}
