"""Whether a network still consists of the parts and the tensors that it had, or of its numbers."""

from collections.abc import Iterator

import torch
from torch import nn


class Unchanged:
    """Remembers a network's modules, their hooks and parameters, and where these lie.

    A parameter that is written to in place, as optimisers and checkpoints do, is the same one.
    """

    def __init__(self, network: nn.Module) -> None:
        self._modules = list(network.modules())  # kept, so that nothing new takes their addresses
        self._parameters = list(network.parameters())
        self._seen = list(self._now())

    def __bool__(self) -> bool:
        return self._seen == list(self._now())

    def _now(self) -> Iterator[int]:
        for module in self._modules:
            yield id(type(module))
            yield from map(id, module._modules.values())
            yield from map(id, module._parameters.values())
            yield len(module._forward_hooks) + len(module._forward_pre_hooks)
        yield from map(torch.Tensor.data_ptr, self._parameters)


class Unwritten:
    """Remembers a network, too, and that none of its parameters was written to since.

    Writes through `.data`, which torch does not count, are not noticed.
    """

    def __init__(self, network: nn.Module) -> None:
        self._unchanged, self._parameters = Unchanged(network), list(network.parameters())
        self._writes = self._now()

    def __bool__(self) -> bool:
        return bool(self._unchanged) and self._writes == self._now()

    def _now(self) -> list[int]:
        return [0 if one.is_inference() else one._version for one in self._parameters]
