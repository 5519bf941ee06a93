"""A dense network in the act: what entered each of its linear layers, and what came out.

For any chain of linear layers, ours or the user's: a `PerceptronModel`, an `nn.Sequential`. Nothing
is computed a second time: `trace` listens while the network reads, and whatever lies between two
linear layers is the network's own affair. Layers that are read twice, side by side, or on more axes
than (batch, inputs) are refused, since they are no chain.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32, Float64
from torch import Tensor, nn

from practicum.errors import ModelError
from practicum.nn.linear import LinearLayer
from practicum.nn.modes import resting

Linear = nn.Linear | LinearLayer


@dataclass(frozen=True, eq=False)
class Dense:
    """One layer on some examples: z = W a + b of `before`, the activations of the layer before."""

    name: str  # of the module, such as "layers.0"
    weight: Float[Tensor, "o i"]  # row j: the weights into neuron j
    bias: Float[Tensor, " o"]
    before: Float[Tensor, "b i"]
    z: Float[Tensor, "b o"]
    after: Float[Tensor, "b o"]  # what the next layer reads; of the last, the network's answer


def linear_layers(model: nn.Module) -> list[tuple[str, Linear]]:
    """The linear layers with their names, in the order of the module. ModelError without any."""
    found = [(name, part) for name, part in model.named_modules() if isinstance(part, Linear)]
    if not found:
        raise ModelError(
            f"{type(model).__name__} has no linear layer to look at; expected a dense network, "
            "such as nn.Sequential(nn.Linear(64, 16), nn.Sigmoid(), nn.Linear(16, 10))"
        )
    return found


def linear_layer(model: nn.Module, layer: int) -> Linear:
    """The linear layer number `layer`, counted from 1: the input is 0 in every equation."""
    layers = linear_layers(model)
    if not 1 <= layer <= len(layers):
        raise ModelError(f"no layer {layer}; the network has 1 … {len(layers)}, the input is 0")
    return layers[layer - 1][1]


def trace(model: nn.Module, x: Float[Tensor, "b i"]) -> list[Dense]:
    """Every layer on the examples `x`, the first hidden layer first.

    Raises ModelError where the network is no chain of linear layers.
    """
    heard: list[tuple[str, Linear, Tensor, Tensor]] = []

    def listener(name: str) -> Callable[..., None]:
        def listen(module: Linear, given: tuple[Tensor, ...], out: Tensor) -> None:
            heard.append((name, module, given[0], out))

        return listen

    with ExitStack() as listening:
        for name, layer in linear_layers(model):
            handle = layer.register_forward_hook(listener(name))
            listening.callback(handle.remove)
        answer = read(model, x)
    _check_chain(model, heard)
    afters = [given for _, _, given, _ in heard[1:]] + [answer]
    return [
        Dense(name, layer.weight.detach(), _bias(layer), given, z, after)
        for (name, layer, given, z), after in zip(heard, afters, strict=True)
    ]


@contextmanager
def replaced(
    layer: Linear, by: Callable[[Float[Tensor, "b i"]], Float[Tensor, "b i"]]
) -> Iterator[None]:
    """Within the block `layer` reads `by` of its input instead: a patch, an ablation."""

    def replace(_: nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...]:
        return (by(given[0]), *given[1:])

    handle = layer.register_forward_pre_hook(replace)
    try:
        yield
    finally:
        handle.remove()


def read(model: nn.Module, x: Float[Tensor, "b i"]) -> Float[Tensor, "b o"]:
    """The network's answers in evaluation mode and without gradients; the mode comes back."""
    with resting(model), torch.no_grad():
        return model(x)


def rows(
    examples: Float32[np.ndarray, "b i"] | Float64[np.ndarray, "b i"], model: nn.Module
) -> Float[Tensor, "b i"]:
    """Examples as the network takes them: its device, its precision."""
    own = next(model.parameters())
    return torch.from_numpy(examples).to(own.device, own.dtype)


def _check_chain(model: nn.Module, heard: Sequence[tuple[str, Linear, Tensor, Tensor]]) -> None:
    kind = type(model).__name__
    names = [name for name, *_ in heard]
    for name, _ in linear_layers(model):
        if names.count(name) != 1:
            raise ModelError(f"{kind} is no chain: it reads '{name}' {names.count(name)} times")
    for name, _, given, _ in heard:
        if given.ndim != 2:
            raise ModelError(
                f"'{name}' of {kind} reads {given.ndim} axes; expected (examples, inputs), "
                "as a dense network does"
            )
    for (name, layer, _, _), (after, following, _, _) in pairwise(heard):
        outputs, inputs = len(layer.weight), following.weight.shape[1]
        if outputs != inputs:
            raise ModelError(
                f"{kind} is no chain: '{name}' gives {outputs} values and '{after}' reads {inputs}"
            )


def _bias(layer: Linear) -> Float[Tensor, " o"]:
    if layer.bias is None:
        return layer.weight.new_zeros(len(layer.weight))
    return layer.bias.detach()
