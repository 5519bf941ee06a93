"""One partial derivative as the sum over all paths from a number to the cost (3Blue1Brown 2017).

    ∂C₀/∂w⁽ˡ⁾_jk = Σ over paths j → m → … → o of
                   a⁽ˡ⁻¹⁾_k · f′(z⁽ˡ⁾_j) · w⁽ˡ⁺¹⁾_mj · f′(z⁽ˡ⁺¹⁾_m) · … · ∂C₀/∂a⁽ᴸ⁾_o

A path takes one neuron of every later layer, so that there are as many as the product of their
widths. For a bias the first factor is 1; for an activation the path begins at its next weight. The
recursion of `layers` is this sum with the common factors taken out: it adds where this multiplies.
One example, and small networks: it is for reading, not for training.
"""

import math
from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np
from jaxtyping import Float

from practicum.autograd.layers import Layered, Trace, Vector
from practicum.errors import ConfigError

Kind = Literal["w", "b", "a"]
Example = Float[np.ndarray, " _"]
MOST = 100_000  # paths; 64-16-16-10 has 160 from a weight of its first layer


@dataclass(frozen=True)
class Factor:
    """One factor of a product: how formulas write it (LaTeX), and what it is here."""

    symbol: str
    value: float


@dataclass(frozen=True)
class Path:
    """A chain of neurons, one a layer up to the output, and the factors along it."""

    neurons: tuple[int, ...]
    factors: tuple[Factor, ...]

    @property
    def value(self) -> float:
        """The product of the factors."""
        return math.prod(factor.value for factor in self.factors)


@dataclass(frozen=True)
class Partial:
    """∂C₀/∂(`symbol`) with every path that it sums."""

    symbol: str
    paths: tuple[Path, ...]

    @property
    def value(self) -> float:
        """The sum over the paths."""
        return math.fsum(path.value for path in self.paths)

    def __str__(self) -> str:
        """A line for every path, its product as numbers, and the sum."""
        lines = [
            f"{' → '.join(map(str, path.neurons)):>12}:  "
            + " · ".join(f"{factor.value:.4g}" for factor in path.factors)
            + f" = {path.value:.6g}"
            for path in self.paths
        ]
        return "\n".join([*lines, f"sum of {len(self.paths)} paths = {self.value:.6g}"])


def explain_partial(
    network: Layered,
    vector: Vector,
    x: Example,
    y: Example,
    kind: Kind,
    layer: int,
    j: int,
    k: int | None = None,
) -> Partial:
    """∂C₀ of one example with respect to w⁽ˡ⁾_jk, b⁽ˡ⁾_j or a⁽ˡ⁾_j; `k` goes with "w" alone.

    Layers count from 1, and "a" has layer 0 too, the input; neurons count from 0.

    Raises ConfigError for a place that is not there, and where there are too many paths to list.
    """
    _check_place(network, kind, layer, j, k)
    later = network.widths[layer + 1 :]
    if math.prod(later) > MOST:
        raise ConfigError(
            f"{math.prod(later):,} paths lead from {kind}({layer}) to the cost; at most {MOST:,} "
            "can be listed: ask a later layer or a smaller network"
        )
    trace = network.trace(vector, x)
    paths = []
    for route in product(*map(range, later)):
        factors = _first_factors(network, trace, kind, layer, j, k)
        factors += _factors_along(network, vector, trace, layer, (j, *route))
        factors.append(_last_factor(network, trace, y, (j, *route)[-1]))
        paths.append(Path((j, *route), tuple(factors)))
    return Partial(symbol(network, kind, layer, j, k), tuple(paths))


def symbol(network: Layered, kind: str, layer: int, j: int, k: int | None = None) -> str:
    """w_{jk}^{(l)} and the like in LaTeX; where every layer has one neuron, w^{(l)}."""
    level = f"^{{({layer})}}"
    if max(network.widths) == 1:
        return kind + level
    comma = "," if max(network.widths) > 10 else ""
    return f"{kind}_{{{j}{'' if k is None else f'{comma}{k}'}}}{level}"


def _first_factors(
    network: Layered, trace: Trace, kind: Kind, layer: int, j: int, k: int | None
) -> list[Factor]:
    """∂z_j/∂w_jk = a_k, or ∂z_j/∂b_j = 1, and then f′(z_j)."""
    if kind == "a":
        return []
    slope = _slope(network, trace, layer, j)
    if k is None:
        return [Factor("1", 1.0), slope]
    return [Factor(symbol(network, "a", layer - 1, k), float(trace.a[layer - 1][k])), slope]


def _factors_along(
    network: Layered, vector: Vector, trace: Trace, layer: int, route: tuple[int, ...]
) -> list[Factor]:
    """w and f′(z) of every step of the route, whose first neuron is in `layer`."""
    weights, _ = network.split(vector)
    found = []
    for step in range(1, len(route)):
        above, j, k = layer + step, route[step], route[step - 1]
        weight = Factor(symbol(network, "w", above, j, k), float(weights[above - 1][j, k]))
        found += [weight, _slope(network, trace, above, j)]
    return found


def _last_factor(network: Layered, trace: Trace, y: Example, j: int) -> Factor:
    """∂C₀/∂a_j of the output neuron j."""
    name = symbol(network, "a", len(trace.z), j)
    wanted = "y" if max(network.widths) == 1 else f"y_{{{j}}}"
    slope = network.cost.slope(trace.a[-1], y)[j]
    return Factor(network.cost.formula(name, wanted), float(slope))


def _slope(network: Layered, trace: Trace, layer: int, j: int) -> Factor:
    activation = network.activations[layer - 1]
    value = activation.slope(trace.z[layer - 1], trace.a[layer])[j]
    return Factor(f"{activation.symbol}'({symbol(network, 'z', layer, j)})", float(value))


def _check_place(network: Layered, kind: Kind, layer: int, j: int, k: int | None) -> None:
    last, lowest = len(network.widths) - 1, 0 if kind == "a" else 1
    if not lowest <= layer <= last:
        raise ConfigError(f"no layer {layer} of {kind}; the network has {lowest} … {last}")
    if not 0 <= j < network.widths[layer]:
        raise ConfigError(f"no neuron {j}; layer {layer} has 0 … {network.widths[layer] - 1}")
    if (k is None) == (kind == "w"):
        raise ConfigError(f"a weight has j and k, a bias or an activation j alone; got {kind}, {k}")
    if k is not None and not 0 <= k < network.widths[layer - 1]:
        raise ConfigError(
            f"no neuron {k}; layer {layer - 1} has 0 … {network.widths[layer - 1] - 1}"
        )
