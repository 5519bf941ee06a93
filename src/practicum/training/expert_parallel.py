"""Experts spread over processes: each holds some of them, tokens travel to their experts and back.

Every process reads tokens of its own. Its router, a copy that all share, chooses; the rows go to
the processes of the chosen experts (all-to-all), are read there, and come home (all-to-all), where
they are weighted and summed. So weights never travel, and neither do gradients of weights: backward
the same rows travel the other way, and an expert's gradient is the sum over the tokens of all
processes. The routers' gradients are of the tokens at home alone, like those of all that is copied:
`sum_shared_gradients` adds them up. Nothing is averaged: divide losses by the count of all targets.
"""

from collections.abc import Iterator
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, distributed, nn

from practicum.errors import ConfigError
from practicum.kernels.dispatch import by_expert, combine, dispatch
from practicum.nn.experts import ExpertsLayer
from practicum.nn.routers import mixtures


class ShardedExpertsLayer(nn.Module):
    """An `ExpertsLayer` of which this process keeps an equal share, in the order of the ranks.

    The layer given is changed: it holds its whole router and the matrices of its share alone. A
    capacity counts the tokens of each process by themselves.
    """

    def __init__(self, layer: ExpertsLayer, group: distributed.ProcessGroup | None = None) -> None:
        super().__init__()
        self.group, self.ranks = group, distributed.get_world_size(group)
        count, rank = layer.description.count, distributed.get_rank(group)
        if count % self.ranks:
            raise ConfigError(f"{count} experts cannot be shared evenly by {self.ranks} processes")
        self.share = count // self.ranks
        mine = slice(rank * self.share, (rank + 1) * self.share)
        for part in (layer.up, layer.down):
            part.weight = nn.Parameter(part.weight.detach()[mine].clone())
        self.layer = layer

    def forward(self, x: Float[Tensor, "*b d"]) -> Float[Tensor, "*b d"]:
        tokens = x.reshape(-1, x.shape[-1])
        description = self.layer.description
        routing = self.layer.route(tokens)
        room = description.room(tokens.shape[0])
        segments = by_expert(routing.experts, description.count, room)
        leaving = segments.counts.view(self.ranks, self.share)
        arriving = torch.empty_like(leaving)  # row r: from rank r, for each expert here
        distributed.all_to_all_single(arriving, leaving, group=self.group)
        out, back = leaving.sum(1).tolist(), arriving.sum(1).tolist()
        rows = _Exchange.apply(dispatch(tokens, segments), out, back, self.group)
        read = _Exchange.apply(self._read(rows, arriving), back, out, self.group)
        return combine(read, routing.weights, segments).to(x.dtype).view(x.shape)

    def _read(
        self, rows: Float[Tensor, "n d"], arriving: Int[Tensor, "r e"]
    ) -> Float[Tensor, "n d"]:
        """What the experts here make of rows that stand by rank and, within, by expert."""
        here = torch.arange(self.share, device=rows.device).repeat(self.ranks)
        whose = here.repeat_interleave(arriving.flatten())
        segments = by_expert(whose[:, None], self.share)
        read = self.layer.read(dispatch(rows, segments), segments.counts)
        return combine(read, torch.ones_like(whose[:, None], dtype=read.dtype), segments)


class _Exchange(torch.autograd.Function):
    """The first `out[0]` rows go to rank 0, and so on; `back[r]` rows come from rank r."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, out: list[int], back: list[int], group: Any) -> Tensor:
        ctx.out, ctx.back, ctx.group = out, back, group
        return _exchanged(rows, out, back, group)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> tuple[Tensor, None, None, None]:
        return _exchanged(grad_outputs[0], ctx.back, ctx.out, ctx.group), None, None, None


def _exchanged(rows: Tensor, out: list[int], back: list[int], group: Any) -> Tensor:
    arrived = rows.new_empty(sum(back), rows.shape[1])
    distributed.all_to_all_single(arrived, rows.contiguous(), back, out, group=group)
    return arrived


def shard_experts(model: nn.Module, group: distributed.ProcessGroup | None = None) -> None:
    """Replace every mixture of experts in `model`, the same in all processes, by this rank's share.

    Raises ModelError without any, ConfigError where they cannot be shared evenly.
    """
    for layer in mixtures(model):
        place, _, leaf = _name_of(layer, model).rpartition(".")
        setattr(model.get_submodule(place), leaf, ShardedExpertsLayer(layer, group))


def sum_shared_gradients(model: nn.Module, group: distributed.ProcessGroup | None = None) -> None:
    """Add up over the processes the gradients of all parameters that are no expert's."""
    kept = {id(parameter) for parameter in _of_experts(model)}
    for parameter in model.parameters():
        if id(parameter) in kept or not parameter.requires_grad:
            continue
        if parameter.grad is None:  # not used here; perhaps elsewhere
            parameter.grad = torch.zeros_like(parameter)
        distributed.all_reduce(parameter.grad, group=group)


def rank_loads(
    experts: Int[Tensor, "n k"], count: int, group: distributed.ProcessGroup | None = None
) -> Int[Tensor, " ranks"]:
    """How many rows each process reads when this one's tokens chose `experts` of `count`."""
    ranks = distributed.get_world_size(group)
    loads = torch.bincount(experts.flatten() // (count // ranks), minlength=ranks)
    distributed.all_reduce(loads, group=group)
    return loads


def _of_experts(model: nn.Module) -> Iterator[nn.Parameter]:
    for layer in mixtures(model):
        yield from (layer.up.weight, layer.down.weight)


def _name_of(wanted: nn.Module, model: nn.Module) -> str:
    return next(name for name, module in model.named_modules() if module is wanted)
