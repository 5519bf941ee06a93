"""The matrix gate D = W X, and why its backward pass need not be remembered.

    dW = dD Xᵀ,   dX = Wᵀ dD

A gradient has the shape of what it belongs to, and where the three axes differ there is one product
of dD with X, and one with W, that has it.
"""

import numpy as np
from jaxtyping import Float

from practicum.errors import ConfigError

Matrix = Float[np.ndarray, "_ _"]  # of any size; what fits is said in words


def matrix_gate(W: Matrix, X: Matrix) -> Matrix:
    """D = W X. Raises ConfigError when the shapes do not fit."""
    if W.shape[1] != X.shape[0]:
        raise ConfigError(
            f"W of shape {W.shape} and X of shape {X.shape} have no product W X; "
            f"X needs {W.shape[1]} rows"
        )
    return W @ X


def matrix_gate_backward(dD: Matrix, W: Matrix, X: Matrix) -> tuple[Matrix, Matrix]:
    """(dW, dX) from the gradient on D = W X. Raises ConfigError when dD has another shape."""
    expected = W.shape[0], X.shape[1]
    if dD.shape != expected:
        raise ConfigError(f"the gradient on D has shape {dD.shape}; D = W X has shape {expected}")
    dW, dX = dD @ X.T, W.T @ dD
    assert (dW.shape, dX.shape) == (W.shape, X.shape), (dW.shape, dX.shape)
    return dW, dX


def arrangements(
    shape: tuple[int, int], a: tuple[str, Matrix], b: tuple[str, Matrix]
) -> dict[str, Matrix]:
    """Every product of `a` and `b`, each (name, matrix), in any order and transposed or not, that
    has this shape. If all three axes differ there is one at most; else shapes alone do not tell.
    """
    found = {}
    for (left, x), (right, y) in ((a, b), (b, a)):
        for first, p in ((left, x), (f"{left}ᵀ", x.T)):
            for second, q in ((right, y), (f"{right}ᵀ", y.T)):
                if p.shape[1] == q.shape[0] and (p.shape[0], q.shape[1]) == shape:
                    found[f"{first} {second}"] = p @ q
    return found
