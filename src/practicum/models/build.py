"""From a description to a network with weights, on any device."""

import torch

from practicum.models.decoder import Decoder, DecoderModel
from practicum.nn.initial import initialise


def build(
    description: Decoder,
    *,
    seed: int = 0,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> DecoderModel:
    """The network `description` describes, in evaluation mode.

    Its weights follow the description's table of initial rules and `seed`, drawn on the CPU in
    float32, so that every device starts from the same numbers. On the meta device nothing is drawn
    and nothing allocated.
    """
    with torch.device("meta"):
        model = description.build().to(dtype)
    if torch.device(device).type != "meta":
        model.to_empty(device=device)
        initialise(model, description.initial, seed=seed)
    return model.eval()


def parameters_of(description: Decoder) -> int:
    """How many parameters the network has, each counted once."""
    return sum(p.numel() for p in build(description, device="meta").parameters())
