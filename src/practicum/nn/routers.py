"""The routers of a network: hearing their scores while it reads, and answering in their place."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from practicum.errors import ModelError
from practicum.nn.experts import ExpertsLayer

Answer = Callable[[int, Float[Tensor, "n e"]], Float[Tensor, "n e"]]


def mixtures(model: nn.Module) -> list[ExpertsLayer]:
    """The mixtures of experts in the network, from the bottom. Raises ModelError without any."""
    found = [module for module in model.modules() if isinstance(module, ExpertsLayer)]
    if not found:
        raise ModelError(f"{type(model).__name__} has no mixture of experts, so no router to hear")
    return found


@contextmanager
def heard(model: nn.Module) -> Iterator[list[Float[Tensor, "n e"]]]:
    """Within the block, the scores of every router are added to the list as they are given.

    One reading gives one entry per mixture, from the bottom, with gradients. Row b·T + t of an
    entry is about token t of row b.
    """
    scores: list[Float[Tensor, "n e"]] = []

    def listen(_layer: int, given: Float[Tensor, "n e"]) -> Float[Tensor, "n e"]:
        scores.append(given)
        return given

    with answering(model, listen):
        yield scores


@contextmanager
def answering(model: nn.Module, answer: Answer) -> Iterator[None]:
    """Within the block, `answer(mixture's number from the bottom, scores)` takes their place."""

    def hook_of(layer: int) -> Callable[..., Any]:
        return lambda _module, _inputs, scores: answer(layer, scores)

    handles = [
        mixture.router.register_forward_hook(hook_of(layer))
        for layer, mixture in enumerate(mixtures(model))
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
