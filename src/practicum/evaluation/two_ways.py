"""Whether a network is one function in both ways of running it: whole signals, and step by step."""

import torch
from jaxtyping import Float
from torch import Tensor

from practicum.models.sequence_classifier import SequenceClassifierModel
from practicum.nn.state import Whole


@torch.no_grad()
def stepping_gap(model: SequenceClassifierModel, x: Float[Tensor, "b t f"]) -> float:
    """‖hidden of steps − hidden of whole signals‖/‖hidden of whole signals‖, over all steps.

    Raises ModelError for a body that cannot follow a signal.
    """
    whole = model.hidden(x, Whole())
    state = model.new_state(len(x), x.shape[1])
    stepped = torch.cat([model.hidden(step, state) for step in x.split(1, dim=1)], dim=1)
    return float((stepped - whole).norm() / whole.norm())
