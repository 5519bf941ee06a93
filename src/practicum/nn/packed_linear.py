"""A linear map, and an embedding, whose matrix is stored in few bits (see `kernels.packed_matrix`).

They stand where a `LinearLayer` or an `nn.Embedding` stood and are asked the same. The matrix is no
parameter: it is neither trained nor saved, and a `state_dict`, which would lack it, is refused. It
moves with the network and stays stored as it is; `dtype` is the precision of what goes in and comes
out. Where a gradient is to pass, x meets the matrix decoded and is not rounded itself, so that what
lies before can be trained.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from practicum.errors import ModelError
from practicum.kernels.packed_linear import packed_linear, packed_rows
from practicum.kernels.packed_matrix import Packed
from practicum.nn.linear import LinearLayer


class PackedLinearLayer(nn.Module):
    """y = W x + b; `parts` as those of a `LinearLayer`."""

    def __init__(
        self,
        matrix: Packed,
        parts: Mapping[str, int],
        bias: nn.Parameter | None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        assert sum(parts.values()) == matrix.outputs, (parts, matrix.outputs)
        self.matrix, self.parts, self.bias = matrix, dict(parts), bias
        self.dtype = dtype

    rows = LinearLayer.rows

    @property
    def weight(self) -> Float[Tensor, "outputs inputs"]:
        """Says shape, precision and device. Its numbers are none: they are `matrix.decoded()`."""
        return like(self.matrix, self.dtype)

    def prepack(self) -> None:
        """Nothing: the matrix is as it is read."""

    def forward(self, x: Float[Tensor, "*b inputs"]) -> Float[Tensor, "*b outputs"]:
        return multiplied(x, self.matrix, self.bias)

    def only(self, x: Float[Tensor, "*b inputs"], *parts: str) -> Float[Tensor, "*b some"]:
        """The outputs of these consecutive parts alone; all are computed."""
        return self(x)[..., self.rows(parts[0]).start : self.rows(parts[-1]).stop]

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "PackedLinearLayer":
        self.matrix, self.dtype = moved(self.matrix, self.dtype, fn)
        return super()._apply(fn, recurse)

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        refuse_packed(self)

    def extra_repr(self) -> str:
        parts = ", ".join(f"{name}={count}" for name, count in self.parts.items())
        bits = f"{self.matrix.bits} bits"
        return f"{self.matrix.inputs} → {parts}, bias={self.bias is not None}, {bits}"


class PackedEmbedding(nn.Embedding):
    """A vector of W per id."""

    def __init__(self, matrix: Packed, dtype: torch.dtype = torch.float32) -> None:
        nn.Module.__init__(self)  # torch's would make a matrix of its own
        self.num_embeddings, self.embedding_dim = matrix.outputs, matrix.inputs
        self.padding_idx, self.matrix, self.dtype = None, matrix, dtype

    @property
    def weight(  # pyright: ignore[reportIncompatibleVariableOverride]
        self,
    ) -> Float[Tensor, "count width"]:
        """As `PackedLinearLayer.weight`."""
        return like(self.matrix, self.dtype)

    def forward(self, input: Int[Tensor, "*b"]) -> Float[Tensor, "*b width"]:
        return packed_rows(self.matrix, input, self.dtype)

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        refuse_packed(self)

    def extra_repr(self) -> str:
        return f"{self.num_embeddings}, {self.embedding_dim}, {self.matrix.bits} bits"

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "PackedEmbedding":
        self.matrix, self.dtype = moved(self.matrix, self.dtype, fn)
        return super()._apply(fn, recurse)


def multiplied(
    x: Float[Tensor, "*b inputs"], matrix: Packed, bias: Tensor | None
) -> Float[Tensor, "*b outputs"]:
    """x Wᵀ + b in the precision of x."""
    if torch.is_grad_enabled() and x.requires_grad:
        return F.linear(x, matrix.decoded().to(x.dtype), bias)
    if x.device.type != "cpu":
        return packed_linear(x, matrix, bias)
    y = packed_linear(x.float(), matrix, None if bias is None else bias.float())
    return y.to(x.dtype)


def like(matrix: Packed, dtype: torch.dtype) -> Float[Tensor, "outputs inputs"]:
    """A tensor of the matrix's shape in the memory of one number, which is NaN."""
    number = torch.full((), torch.nan, dtype=dtype, device=matrix.device)
    return number.expand(matrix.outputs, matrix.inputs)


def moved(
    matrix: Packed, dtype: torch.dtype, fn: Callable[[Tensor], Tensor]
) -> tuple[Packed, torch.dtype]:
    """The matrix on the device to which `fn` moves tensors, and the precision it gives them."""
    example = fn(torch.empty(0, dtype=dtype, device=matrix.device))
    return matrix.moved(example.device), example.dtype


def refuse_packed(model: nn.Module) -> None:
    """Raises ModelError where `model` has packed matrices, which no file of weights can hold."""
    for module in model.modules():
        if isinstance(module, PackedLinearLayer | PackedEmbedding):
            raise ModelError(
                f"this model's matrices are packed in {module.matrix.bits} bits and cannot be "
                "saved; detach the packing first, or save the model that was packed"
            )
