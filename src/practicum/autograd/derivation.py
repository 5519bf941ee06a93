r"""A sheet to print for teaching: the chain rule of a small network with all its numbers, in LaTeX.

It holds the forward pass, the cost, and every ∂C₀/∂parameter as the sum over its paths, each factor
as a symbol and as a number. The text is a whole document for pdflatex; formulas stand in `\[ … \]`.
"""

import math

import numpy as np
from jaxtyping import Float

from practicum.autograd.layers import Layered, Vector
from practicum.autograd.paths import Partial, explain_partial, symbol
from practicum.errors import ConfigError

Example = Float[np.ndarray, " _"]
MOST = 400  # paths on all pages together
HEAD = r"""\documentclass{article}
\usepackage[margin=2cm]{geometry}
\usepackage{amsmath}
\setlength{\parindent}{0pt}
\begin{document}
"""


def derivation_sheet(network: Layered, vector: Vector, x: Example, y: Example) -> str:
    """The sheet for one example. Raises ConfigError for a network whose sheet nobody would read."""
    counts = [math.prod(network.widths[network.place(i).layer + 1 :]) for i in range(network.size)]
    if sum(counts) > MOST:
        raise ConfigError(
            f"a network of {'-'.join(map(str, network.widths))} has {sum(counts):,} paths to its "
            f"cost, too many to print; at most {MOST}, as 3-2-2-1 has 25"
        )
    shape = "-".join(map(str, network.widths))
    sections = [
        rf"\section*{{The chain rule for {shape}, {network.size} parameters}}",
        r"\subsection*{Forward}",
        *_forward(network, vector, x, y),
        r"\subsection*{Backward: every path to the cost, and their sum}",
    ]
    for index in range(network.size):
        place = network.place(index)
        partial = explain_partial(network, vector, x, y, *place)
        sections += _backward(partial)
    return HEAD + "\n".join(sections) + "\n\\end{document}\n"


def _forward(network: Layered, vector: Vector, x: Example, y: Example) -> list[str]:
    """z = Σ w a + b and a = f(z) of every neuron, and the cost."""
    weights, biases = network.split(vector)
    trace, lines = network.trace(vector, x), []
    for layer, activation in enumerate(network.activations, 1):
        for j in range(network.widths[layer]):
            z, a = symbol(network, "z", layer, j), symbol(network, "a", layer, j)
            inputs = range(network.widths[layer - 1])
            products = [
                rf"{symbol(network, 'w', layer, j, k)} {symbol(network, 'a', layer - 1, k)}"
                for k in inputs
            ]
            numbers = [
                rf"{_factor(weights[layer - 1][j, k])} \cdot {_factor(trace.a[layer - 1][k])}"
                for k in inputs
            ]
            total = f"{symbol(network, 'b', layer, j)} = {' + '.join(numbers)}"
            total += f" + {_factor(biases[layer - 1][j])} = {_number(trace.z[layer - 1][j])}"
            lines.append(rf"\[ {z} = {' + '.join(products)} + {total} \]")
            lines.append(rf"\[ {a} = {activation.symbol}({z}) = {_number(trace.a[layer][j])} \]")
    wanted, cost = ", ".join(map(_number, y)), network.mean_cost(vector, x[None], y[None]).real
    lines.append(rf"\[ y = ({wanted}), \quad C_0 = {_number(cost)} \]")
    return lines


def _backward(partial: Partial) -> list[str]:
    """The formula of one partial derivative: a line for every path, then the sum."""
    name = rf"\frac{{\partial C_0}}{{\partial {partial.symbol}}}"
    lines = []
    for path in partial.paths:
        symbols = r" \cdot ".join(factor.symbol for factor in path.factors)
        numbers = r" \cdot ".join(_factor(factor.value) for factor in path.factors)
        head = f"{name} = " if len(partial.paths) == 1 else ""
        lines.append(rf"\[ {head}{symbols} = {numbers} = {_number(path.value)} \]")
    if len(partial.paths) > 1:
        lines.append(rf"\[ {name} = {_number(partial.value)} \]")
    return lines


def _number(value: float | np.floating) -> str:
    """Four significant digits."""
    digits, _, power = f"{float(value):.4g}".partition("e")
    return rf"{digits} \cdot 10^{{{int(power)}}}" if power else digits


def _factor(value: float | np.floating) -> str:
    """A number within a product: in brackets where it would be misread."""
    text = _number(value)
    return f"({text})" if text.startswith("-") or "cdot" in text else text
