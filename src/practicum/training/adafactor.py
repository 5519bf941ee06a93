"""Adafactor: Adam's second moment from the means of its rows and columns (Shazeer & Stern 2018).

    R ← β R + (1 − β) mean_columns(g² + ε),   C ← β C + (1 − β) mean_rows(g² + ε),   β = 1 − t^−c
    V = R Cᵀ / mean(R),   U = g / √V,   Δθ = −η U / max(1, RMS(U) / d)          (alg. 4 and 5)

So a matrix of n by m keeps n + m numbers, not 2nm; a vector keeps V as it is. There is no first
moment: momentum would cost what the rest saves. `optimiser.Adafactor` describes it.
"""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn


class AdafactorUpdates(torch.optim.Optimizer):
    """`clip` is d, `decay` is c, `eps` is ε; the groups' `lr` is η.

    `scaled`: η is a share of max(`floor`, RMS(θ)) and no length (§8). Gradients in half precision
    are squared in float32. `step` takes no closure.
    """

    def __init__(
        self,
        params: list[nn.Parameter],
        *,
        clip: float,
        decay: float,
        eps: float,
        scaled: bool,
        floor: float,
    ) -> None:
        super().__init__(params, {"lr": 0.0})
        self.clip, self.decay, self.eps = clip, decay, eps
        self.scaled, self.floor = scaled, floor

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(parameter, parameter.grad, group["lr"])

    def _update(self, parameter: nn.Parameter, gradient: Tensor, rate: float) -> None:
        g = gradient.float() if gradient.dtype in (torch.float16, torch.bfloat16) else gradient
        update = g * self._inverse_root(self.state[parameter], g)
        if self.scaled:
            rate = rate * max(self.floor, float(rms(parameter.to(g.dtype))))
        update *= rate / (rms(update) / self.clip).clamp(min=1.0)
        parameter.copy_(parameter.to(g.dtype) - update)

    def _inverse_root(self, state: dict[str, Any], g: Tensor) -> Tensor:
        """1/√V, of a shape that multiplies the gradient, after V has heard of it."""
        step = state["step"] = state.get("step", torch.tensor(0.0)) + 1
        fresh = float(step) ** -self.decay  # 1 − β: the first gradient is all there is
        square = g.square() + self.eps
        if g.ndim < 2:
            return _averaged(state, "square", square, fresh).rsqrt()
        rows = _averaged(state, "rows", square.mean(-1), fresh)
        columns = _averaged(state, "columns", square.mean(-2), fresh)
        share = rows / rows.mean(-1, keepdim=True)
        return share.rsqrt()[..., :, None] * columns.rsqrt()[..., None, :]


def rms(x: Float[Tensor, "..."]) -> Float[Tensor, ""]:
    """√(mean(x²)): how large the numbers are, whatever their count."""
    return x.square().mean().sqrt()


def _averaged(state: dict[str, Any], name: str, value: Tensor, fresh: float) -> Tensor:
    """The running mean of this name, of which the latest value is a share of `fresh`."""
    before = state.get(name)
    state[name] = value if before is None else before.lerp(value, fresh)
    return state[name]
