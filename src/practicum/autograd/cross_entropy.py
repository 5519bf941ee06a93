"""Softmax and cross-entropy in one gate, whose gradient is softmax − one-hot."""

from typing import Any

from jaxtyping import Float, Int

from practicum.autograd.arrays import Array
from practicum.autograd.backing import Data, count_to, library
from practicum.errors import ConfigError


def cross_entropy(logits: Float[Array, "b v"], targets: Int[Any, " b"]) -> Float[Array, " b"]:
    """−log softmax(logits)[target] of every row; `targets` lie in 0 … v − 1."""
    lib, (rows, classes) = library(logits.data), logits.shape
    if rows and not 0 <= targets.min() <= targets.max() < classes:
        raise ConfigError(
            f"targets of {classes} classes lie in 0 … {classes - 1}; "
            f"got {targets.min()} … {targets.max()}"
        )
    z = logits.data - lib.amax(logits.data, axis=1, keepdims=True)
    chosen = (count_to(rows, z), targets)
    powers = lib.exp(z)
    total = powers.sum(axis=1)

    def pull(g: Data) -> tuple[Data, ...]:
        error = powers / total[:, None]
        error[chosen] -= 1
        return (error * g[:, None],)

    return Array(lib.log(total) - z[chosen], (logits,), "cross entropy", pull=pull)
