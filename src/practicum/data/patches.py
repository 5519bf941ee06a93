"""Pictures cut into patches, which a network reads as a text (Dosovitskiy et al. 2021, §3.1)."""

from einops import rearrange
from jaxtyping import Float
from torch import Tensor


def cut(pictures: Float[Tensor, "m i j"], side: int) -> Float[Tensor, "m n f"]:
    """Every picture as its n = (i/side)·(j/side) squares, row by row, each of f = side² values.

    Pictures of any height and width that `side` divides.
    """
    return rearrange(pictures, "m (y a) (x b) -> m (y x) (a b)", a=side, b=side)


def joined(patches: Float[Tensor, "m n f"], width: int) -> Float[Tensor, "m i j"]:
    """`cut` undone; `width` is that of the pictures in pixels."""
    side = round(patches.shape[2] ** 0.5)
    return rearrange(patches, "m (y x) (a b) -> m (y a) (x b)", a=side, x=width // side)
