"""A matrix laid out once in the order in which the CPU's product reads it: y = x Wᵀ + b.

For 2 to some hundred rows this is up to twice as fast as a product of the plain matrix, since
nothing has to be rearranged at each call. The price is a second copy of the matrix. Uses oneDNN
through the operators that torch's compiler uses; where they are missing (other devices, other
precisions, other builds) nothing is packed and the plain product is taken.
"""

from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from practicum.kernels.skinny import few_rows

ROWS = 512  # the layout is chosen for products of this many rows, and serves all others well


def inferring() -> bool:
    """Whether nothing will be differentiated, so that any product may be taken.

    A compiler chooses its own and is told no: it could not follow the question.
    """
    return not torch.compiler.is_compiling() and torch.is_inference_mode_enabled()


class Prepacked:
    """The packed copy of one matrix, and whether the matrix is still what was packed.

    A matrix that has been written to since (a training step, a loaded checkpoint) is read plainly
    again. Writes through `.data`, which torch does not count, are not noticed.
    """

    def __init__(self, weight: Float[Tensor, "outputs inputs"]) -> None:
        self._source = weight.detach()  # keeps the memory, so that its address stays its own
        self._version = weight._version
        self._packed = torch.ops.mkldnn._reorder_linear_weight(self._source, ROWS)

    def is_of(self, weight: Float[Tensor, "outputs inputs"]) -> bool:
        """Whether `weight` is the matrix that was packed, unchanged since."""
        same = weight.data_ptr() == self._source.data_ptr()
        return same and weight.shape == self._source.shape and weight._version == self._version

    def __call__(
        self, x: Float[Tensor, "n inputs"], bias: Float[Tensor, " outputs"] | None
    ) -> Float[Tensor, "n outputs"]:
        return torch.ops.mkldnn._linear_pointwise(x, self._packed, bias, "none", [], "")

    def __deepcopy__(self, memo: Mapping[int, Any]) -> None:
        """None: a copied network has matrices of its own, and packs them when asked."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(None), ())


def prepacked(weight: Float[Tensor, "outputs inputs"]) -> Prepacked | None:
    """`weight` packed, or None where this machine, build or precision cannot."""
    fits = weight.device.type == "cpu" and weight.dtype == torch.float32 and weight.ndim == 2
    if not fits or weight.is_inference() or not torch.backends.mkldnn.is_available():
        return None
    try:
        return Prepacked(weight)
    except (AttributeError, RuntimeError, NotImplementedError):  # no such operator here
        return None


def read_linear(
    x: Float[Tensor, "*b inputs"],
    weight: Float[Tensor, "outputs inputs"],
    bias: Float[Tensor, " outputs"] | None,
    packed: Prepacked | None,
) -> Float[Tensor, "*b outputs"]:
    """`F.linear` for reading, not for training: the fastest product for this many rows."""
    rows = x.numel() // x.shape[-1]
    if packed is not None and rows > 1 and x.dtype == torch.float32 and packed.is_of(weight):
        return packed(x.reshape(rows, -1), bias).reshape(*x.shape[:-1], -1)
    return few_rows(x, weight, bias)
