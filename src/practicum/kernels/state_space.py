"""Linear state space models with dense matrices: discretisation, recurrence and kernel as written.

    x' = A x + B u,   y = C x
    bilinear    Ā = (I − Δ/2 A)⁻¹ (I + Δ/2 A),   B̄ = (I − Δ/2 A)⁻¹ Δ B     (Gu et al. 2021, eq. 3)
    zoh         Ā = e^{ΔA},   B̄ = A⁻¹ (e^{ΔA} − I) B       the input holds still during a step
    recurrence  x_t = Ā x_{t−1} + B̄ u_t,   y_t = C x_t,   x_{−1} = 0
    kernel      K̄ = (CB̄, CĀB̄, …, CĀ^{L−1}B̄),   y = K̄ ∗ u                  (eq. 4, 5)

This is what the structured forms of `low_rank_system` and `diagonal_system` are measured against,
and how a few systems are run where speed does not matter: O(N²) a step, O(N² L) a kernel.
"""

from typing import Literal, assert_never

import torch
from jaxtyping import Float
from torch import Tensor

Discretisation = Literal["bilinear", "zoh"]


def discretise(
    a: Float[Tensor, "*h n n"],
    b: Float[Tensor, "*h n"],
    step: Float[Tensor, "*h"],
    how: Discretisation,
) -> tuple[Float[Tensor, "*h n n"], Float[Tensor, "*h n"]]:
    """Ā and B̄ of a system that is read every `step` (Δ > 0)."""
    eye, column = torch.eye(a.shape[-1], dtype=a.dtype, device=a.device), b[..., None]
    moved = step[..., None, None] * a
    match how:
        case "bilinear":
            both = torch.cat([eye + moved / 2, step[..., None, None] * column], dim=-1)
            both = torch.linalg.solve(eye - moved / 2, both)
            return both[..., :-1], both[..., -1]
        case "zoh":
            bar = torch.linalg.matrix_exp(moved)
            return bar, torch.linalg.solve(a, (bar - eye) @ column)[..., 0]
        case _:
            assert_never(how)


def states(
    a: Float[Tensor, "n n"], b: Float[Tensor, " n"], u: Float[Tensor, "r t"]
) -> Float[Tensor, "r t n"]:
    """x_t of the recurrence with Ā and B̄, for every row of inputs."""
    x, found = u.new_zeros(len(u), len(b)), []
    for inputs in u.unbind(1):
        x = x @ a.T + inputs[:, None] * b
        found.append(x)
    return torch.stack(found, dim=1)


def kernel_by_powers(
    a: Float[Tensor, "n n"], b: Float[Tensor, " n"], c: Float[Tensor, " n"], length: int
) -> Float[Tensor, " t"]:
    """K̄ by multiplying with Ā again and again."""
    values = []
    for _ in range(length):
        values.append(c @ b)
        b = a @ b
    return torch.stack(values)
