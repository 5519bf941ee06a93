"""What is put in the place of a value while a network reads: patches, knock-outs, patterns, walls.

An edit names a value of `interpret.trace` and the blocks it is meant for, and says what becomes of
it. Several edits of one value are made one after another. All are differentiable.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from practicum.errors import ConfigError
from practicum.interpret.watching import Attended

EDITABLE = ("token", "place", "input", "attention", "cross", "mlp", "output", "mixed", "final")


@dataclass(frozen=True, kw_only=True, eq=False)
class Edit:
    """`change` makes another value of the value called `what`, of the same shape."""

    what: str
    change: Callable[[Tensor], Tensor]
    layers: tuple[int, ...] | None = None  # None: all blocks (or the value is of no block)

    def __post_init__(self) -> None:
        if self.what not in EDITABLE:
            raise ConfigError(
                f"'{self.what}' cannot be edited; {', '.join(EDITABLE)} can, and patterns by a "
                "PatternEdit"
            )

    def at(self, layer: int | None) -> bool:
        """Whether block `layer` is meant."""
        return self.layers is None or layer is None or layer in self.layers


@dataclass(frozen=True, kw_only=True, eq=False)
class PatternEdit:
    """`change` makes other weights, of the shape of `Attended.weights`, of what attention did."""

    change: Callable[[Attended], Tensor]
    layers: tuple[int, ...] | None = None
    heads: tuple[int, ...] | None = None  # None: all
    cross: bool = False  # meant for looks at a source, and not for the mixer

    def at(self, layer: int) -> bool:
        """Whether block `layer` is meant."""
        return self.layers is None or layer in self.layers

    def weights(self, attended: Attended) -> Float[Tensor, "b h t s"]:
        """What mixes the values now."""
        changed = self.change(attended).to(attended.weights.dtype).expand_as(attended.weights)
        if self.heads is None:
            return changed
        chosen = torch.zeros(attended.weights.shape[1], dtype=torch.bool, device=changed.device)
        chosen[list(self.heads)] = True
        return torch.where(chosen[:, None, None], changed, attended.weights)


AnyEdit = Edit | PatternEdit


def replaced(
    what: str,
    value: Tensor,
    *,
    layers: Sequence[int] | None = None,
    positions: Sequence[int] | None = None,
) -> Edit:
    """The value called `what` is `value`, at `positions` alone where given (patching)."""

    def change(old: Tensor) -> Tensor:
        value_there = value.to(old)
        if positions is None:
            return value_there.expand_as(old)
        new = old.clone()
        axis = 2 if what == "mixed" else 1
        return new.index_copy(
            axis,
            torch.tensor([place % old.shape[axis] for place in positions], device=old.device),
            value_there.expand_as(old.narrow(axis, 0, len(positions))),
        )

    return Edit(what=what, change=change, layers=_tuple(layers))


def without_heads(layer: int, *heads: int, cross: bool = False) -> PatternEdit:
    """These heads gather nothing."""
    return PatternEdit(
        change=lambda attended: torch.zeros_like(attended.weights),
        layers=(layer,),
        heads=heads,
        cross=cross,
    )


def with_pattern(
    pattern: Literal["identity", "uniform"] | Float[Tensor, "*b t s"],
    *,
    layers: Sequence[int] | None = None,
    heads: Sequence[int] | None = None,
    cross: bool = False,
) -> PatternEdit:
    """Each token sees itself; or all that it may see, alike; or what a given pattern says."""

    def change(attended: Attended) -> Tensor:
        if isinstance(pattern, Tensor):
            return pattern.to(attended.weights)
        if pattern == "identity":
            t, s = attended.weights.shape[2:]
            return torch.eye(s, device=attended.weights.device)[s - t :]
        visible = may_look(attended).to(attended.weights.dtype)
        return visible / visible.sum(-1, keepdim=True)

    return PatternEdit(change=change, layers=_tuple(layers), heads=_tuple(heads), cross=cross)


def blocked(
    edges: Sequence[tuple[int, int]] | Bool[Tensor, "b t s"],
    *,
    layers: Sequence[int] | None = None,
    heads: Sequence[int] | None = None,
    cross: bool = False,
) -> PatternEdit:
    """Query i does not see key j, for every (i, j) of `edges`; its other weights share the rest.

    This is what a mask before the softmax gives. A query that may see nothing gathers nothing.
    A tensor of edges, true where they are, has its own for each row.
    """

    def wall(weights: Float[Tensor, "b h t s"]) -> Bool[Tensor, "#b t s"]:
        if isinstance(edges, Tensor):
            return edges
        found = torch.zeros(1, *weights.shape[2:], dtype=torch.bool, device=weights.device)
        found[:, [query for query, _ in edges], [key for _, key in edges]] = True
        return found

    def change(attended: Attended) -> Tensor:
        left = attended.weights.masked_fill(wall(attended.weights)[:, None], 0.0)
        total = left.sum(-1, keepdim=True)
        return left / torch.where(total > 0, total, 1.0)

    return PatternEdit(change=change, layers=_tuple(layers), heads=_tuple(heads), cross=cross)


def may_look(attended: Attended) -> Bool[Tensor, "b h t s"]:
    """Where each query may look, for every head."""
    weights = attended.weights
    if attended.visible is None:
        return torch.ones_like(weights, dtype=torch.bool)
    return attended.visible.expand_as(weights)


def other_weights(attended: Attended, edits: Sequence[PatternEdit]) -> Tensor | None:
    """The weights after all `edits`; None where they are what they were, to the bit."""
    now = attended
    for edit in edits:
        now = replace(now, weights=edit.weights(now))
    if now is attended or torch.equal(now.weights, attended.weights):
        return None
    return now.weights


def _tuple(numbers: Sequence[int] | None) -> tuple[int, ...] | None:
    return None if numbers is None else tuple(numbers)
