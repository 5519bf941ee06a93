"""From a description to a network with weights, on any device."""

from typing import Protocol, TypeVar

import torch
from torch import nn

from practicum.nn.initial import Rule, initialise

M_co = TypeVar("M_co", bound=nn.Module, covariant=True)


class Described(Protocol[M_co]):
    """A frozen description of a network of type `M_co`, with the table of its initial weights."""

    @property
    def initial(self) -> tuple[Rule, ...]: ...

    def build(self) -> M_co: ...


def build(
    description: Described[M_co],
    *,
    seed: int = 0,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> M_co:
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


def parameters_of(description: Described[nn.Module]) -> int:
    """How many parameters the network has, each counted once."""
    return sum(p.numel() for p in build(description, device="meta").parameters())
