"""Where the parameters sit: the categories of 3Blue1Brown's "But what is a GPT?", and the rest.

The video counts matrices: embedding, key, query, value (down), output (value-up, one matrix for all
heads of a block), up- and down-projection, unembedding. It leaves out biases, norms, learned
positions and gates, and counts the unembedding also where it is the embedding itself. Both totals
are here: the video's, and the number of parameters that there really are.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from torch import nn

from practicum.models.build import Described, build
from practicum.nn.attention import AttentionLayer
from practicum.nn.linear import LinearLayer
from practicum.nn.mlp import MLPLayer
from practicum.nn.norms import DeviationNormLayer, LayerNormLayer, RMSNormLayer
from practicum.nn.positions import LearnedPositionsLayer

CATEGORIES = (
    "embedding",
    "key",
    "query",
    "value",
    "output",
    "up-projection",
    "down-projection",
    "unembedding",
)
REST = ("gate-projection", "positions", "biases", "norms", "other")
PARTS = {"q": "query", "k": "key", "v": "value"}


@dataclass(frozen=True, kw_only=True)
class Row:
    """One category."""

    name: str
    matrices: int
    weights: int


@dataclass(frozen=True, kw_only=True)
class Tally:
    """The categories in the video's order, then what the video leaves out."""

    rows: tuple[Row, ...]
    rest: tuple[Row, ...]
    shared: int  # weights of an unembedding that is the embedding: shown in both rows, there once

    @property
    def shown(self) -> int:
        """The video's total: all eight categories as they stand."""
        return sum(row.weights for row in self.rows)

    @property
    def matrices(self) -> int:
        """Matrices in the eight categories."""
        return sum(row.matrices for row in self.rows)

    @property
    def parameters(self) -> int:
        """The number of parameters that there are."""
        return self.shown - self.shared + sum(row.weights for row in self.rest)


@dataclass(frozen=True, kw_only=True)
class Part:
    """Parameters of one place; of every block's place of the same name together."""

    name: str  # such as "stack.blocks.*.mixer.qkv"
    each: int
    times: int

    @property
    def total(self) -> int:
        """Of all places of that name."""
        return self.each * self.times


def tally(network: nn.Module | Described[nn.Module]) -> Tally:
    """The tally of a network, or of one that is only described; nothing is allocated then."""
    model = network if isinstance(network, nn.Module) else build(network, device="meta")
    weights: Counter[str] = Counter()
    matrices: Counter[str] = Counter()
    for category, count, size in _counts(model):
        weights[category] += size
        matrices[category] += count
    shared = 0
    if not weights["unembedding"]:  # one of the embeddings, or the only one
        shared = list(_embeddings(model))[-1].weight.numel()
        weights["unembedding"], matrices["unembedding"] = shared, 1
    return Tally(
        rows=tuple(_row(name, matrices, weights) for name in CATEGORIES),
        rest=tuple(_row(name, matrices, weights) for name in REST if weights[name]),
        shared=shared,
    )


def by_place(network: nn.Module | Described[nn.Module]) -> list[Part]:
    """Parameters of every layer by its name, biases included; equal ones of the blocks together."""
    model = network if isinstance(network, nn.Module) else build(network, device="meta")
    found: dict[tuple[str, int], int] = {}
    for name, module in model.named_modules():
        size = sum(parameter.numel() for parameter in module.parameters(recurse=False))
        if size:
            path = ".".join("*" if part.isdecimal() else part for part in name.split("."))
            found[path, size] = found.get((path, size), 0) + 1
    return [Part(name=path, each=size, times=times) for (path, size), times in found.items()]


def _counts(model: nn.Module) -> Iterator[tuple[str, int, int]]:
    """(category, matrices, weights), each parameter once."""
    seen: set[int] = set()
    for module in model.modules():
        if isinstance(module, AttentionLayer):
            heads = {"q": module.heads, "k": module.kv_heads, "v": module.kv_heads}
            inputs = module.qkv.weight.shape[1]
            for part, rows in module.qkv.parts.items():
                yield PARTS[part], heads[part], rows * inputs
            yield "output", 1, module.out.weight.numel()
            seen |= {id(module.qkv.weight), id(module.out.weight)}
        elif isinstance(module, MLPLayer):
            inputs = module.up.weight.shape[1]
            for part, rows in module.up.parts.items():
                yield f"{part}-projection", 1, rows * inputs
            yield "down-projection", 1, module.down.weight.numel()
            seen |= {id(module.up.weight), id(module.down.weight)}
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            if id(parameter) not in seen:
                seen.add(id(parameter))
                yield _category(module, name), 1, parameter.numel()


def _category(module: nn.Module, name: str) -> str:
    if isinstance(module, nn.Embedding):
        return "embedding"
    if isinstance(module, LayerNormLayer | RMSNormLayer | DeviationNormLayer):
        return "norms"
    if isinstance(module, LearnedPositionsLayer):
        return "positions"
    if name == "bias":
        return "biases"
    return "unembedding" if isinstance(module, LinearLayer) else "other"


def _embeddings(model: nn.Module) -> Iterator[nn.Embedding]:
    return (module for module in model.modules() if isinstance(module, nn.Embedding))


def _row(name: str, matrices: Counter[str], weights: Counter[str]) -> Row:
    return Row(name=name, matrices=matrices[name], weights=weights[name])
