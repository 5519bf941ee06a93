"""Weights of a built model in fewer bits: less memory, and less of it to read for every token.

`Quantized` puts packed matrices where a decoder's linear maps stood and leaves norms, biases and
learned positions as they are. Rounding is to the nearest, group by group of 32 (see
`kernels.quantise`); nothing is trained or calibrated. What was stored by ggml as Q8_0, Q4_0 or Q4_1
is kept without loss. At 16 bits weights are bfloat16 and the arithmetic is float32; at 32 they are
what they were, laid out for products of few rows. On a GPU nothing but the weights is rounded (see
`kernels.packed_linear_triton`). What a matrix reads and gives stays in the precision of the model.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from practicum.errors import ConfigError, ModelError, UnknownName
from practicum.kernels.packed_matrix import Packed, plain
from practicum.kernels.quantise import to_nibbles, to_octets
from practicum.models.decoder import DecoderModel
from practicum.models.packed_decoder import PackedDecoderModel
from practicum.nn.attention import AttentionLayer
from practicum.nn.linear import LinearLayer
from practicum.nn.mlp import MLPLayer
from practicum.nn.packed_block import PackedBlockLayer, usual
from practicum.nn.packed_linear import PackedEmbedding, PackedLinearLayer
from practicum.nn.packed_stack import PackedStackLayer
from practicum.nn.stack import BlockLayer

OUTPUT = "output"

_PACK: dict[int, Callable[[Tensor], Packed]] = {
    4: to_nibbles,
    8: to_octets,
    16: lambda weight: plain(weight, torch.bfloat16),
    32: lambda weight: plain(weight.float(), torch.float32),
}


@dataclass(frozen=True, kw_only=True)
class Quantized:
    """The matrices of a decoder's attentions, feed-forwards and output in `bits` per weight.

    `keep` names what stays as it is, with everything under it: "output" (embedding and head), or
    modules as `named_modules` calls them: "stack.blocks.0", "stack.blocks.3.mixer.out". Experts,
    routers, recurrences and scans always stay.
    """

    bits: int = 8  # 4, 8, 16 or 32
    output_bits: int | None = None  # of embedding and head; None: as `bits`
    keep: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for bits in (self.bits, self.output_bits):
            if bits is not None and bits not in _PACK:
                known = ", ".join(map(str, _PACK))
                raise ConfigError(f"weights of {bits} bits; expected one of {known}")

    def attach(self, model: DecoderModel) -> "Packing":
        """Pack `model` in place; what comes back holds the matrices that stood there.

        Let go of it to free their memory, or `detach` it to have them back.

        Rounding is done on the CPU, wherever the model is.

        Raises ModelError: a model that is packed already or holds no weights yet, a name in `keep`
        that it does not have, or weights that are no numbers.
        """
        if type(model) is not DecoderModel:
            raise ModelError(f"a {type(model).__name__} cannot be packed; expected a plain decoder")
        device = model.embedding.weight.device
        if device.type == "meta":
            raise ModelError("a model on the meta device has no weights to pack; load them first")
        names = {OUTPUT, *(name for name, _ in model.named_modules())}
        for name in self.keep:
            if name not in names:
                raise UnknownName("part of this model to keep", name, names)
        packing = Packing(model)
        for name, layer in _linears(model):
            if not any(name == kept or name.startswith(f"{kept}.") for kept in self.keep):
                packing.replace(name, _packed(layer, self.bits))
        if OUTPUT not in self.keep:
            packing.replace_output(self.output_bits or self.bits)
        if device.type == "cpu":  # elsewhere the parts of a block are read one by one
            for name, block in list(model.stack.named_modules(prefix="stack")):
                if usual(block):
                    packing.replace(name, PackedBlockLayer.of(cast(BlockLayer, block)))
            packing.replace("stack", PackedStackLayer.of(model.stack))
        return packing


@dataclass(frozen=True, kw_only=True)
class MatrixError:
    """What packing did to one matrix."""

    name: str
    bits: int
    relative: float  # ‖W′ − W‖ / ‖W‖ (Frobenius)
    largest: float  # max |W′ − W|
    before: int  # bytes
    after: int


class Packing:
    """What stood in a model before its matrices were packed."""

    def __init__(self, model: DecoderModel) -> None:
        self.model = model
        self._before: dict[str, nn.Module] = {}

    def replace(self, name: str, module: nn.Module) -> None:
        """Let `module` stand where the module called `name` stands."""
        self._before[name] = _place(self.model, name, module.train(self.model.training))

    def replace_output(self, bits: int) -> None:
        """Pack embedding and head."""
        weight = self.model.embedding.weight
        self.replace("embedding", PackedEmbedding(_stored(weight, bits), weight.dtype))
        if self.model.head is not None:
            self.replace("head", _packed(self.model.head, bits))
        self.model.__class__ = PackedDecoderModel

    def detach(self) -> None:
        """Put back what stood there: every bit is as it was."""
        for name, module in reversed(self._before.items()):
            _place(self.model, name, module.train(self.model.training))
        self.model.__class__ = DecoderModel
        self._before.clear()

    def errors(self) -> Iterator[MatrixError]:
        """How far each packed matrix is from the one that stood there."""
        modules = dict(self.model.named_modules())
        for name, module in self._before.items():
            packed = modules[name]
            if not isinstance(packed, PackedLinearLayer | PackedEmbedding):
                continue
            weight = cast(Tensor, module.weight).detach()
            difference = packed.matrix.decoded() - weight.float()
            yield MatrixError(
                name=name,
                bits=packed.matrix.bits,
                relative=(difference.norm() / weight.float().norm().clamp(min=1e-30)).item(),
                largest=difference.abs().max().item(),
                before=weight.nbytes,
                after=packed.matrix.nbytes,
            )


def packed_bytes(model: nn.Module) -> int:
    """Bytes of a model's packed matrices and its parameters."""
    parameters = sum(parameter.nbytes for parameter in model.parameters())
    holders = (m for m in model.modules() if isinstance(m, PackedLinearLayer | PackedEmbedding))
    return parameters + sum(holder.matrix.nbytes for holder in holders)


def _linears(model: DecoderModel) -> list[tuple[str, LinearLayer]]:
    """Those of attentions and feed-forwards, which ask their matrices for products only."""
    return [
        (f"{name}.{part}", layer)
        for name, owner in model.named_modules()
        if isinstance(owner, AttentionLayer | MLPLayer)
        for part, layer in owner.named_children()
        if isinstance(layer, LinearLayer)
    ]


def _packed(layer: LinearLayer, bits: int) -> PackedLinearLayer:
    weight = layer.weight
    return PackedLinearLayer(_stored(weight, bits), layer.parts, layer.bias, weight.dtype)


def _stored(weight: Tensor, bits: int) -> Packed:
    """`weight` in so many bits, where it is."""
    return _PACK[bits](weight).moved(weight.device)


def _place(model: nn.Module, name: str, module: nn.Module) -> nn.Module:
    """Put `module` where the one called `name` is, which is returned."""
    parent, _, last = name.rpartition(".")
    owner = model.get_submodule(parent)
    before = owner.get_submodule(last)
    owner.register_module(last, module)
    return before
