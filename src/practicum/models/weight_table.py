"""Foreign weights as a two-way table: our name, their names, and how one is laid out as the other.

A row of the table says that one parameter of ours is made of consecutive rows that come from one or
more tensors of theirs, each seen through a `View` that can be undone. Reading fills a network that
was built on the meta device parameter by parameter, so that no second copy of the weights exists;
writing yields views of ours under their names. A family's names stand in its table and nowhere
else.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from einops import rearrange
from torch import Tensor, nn

from practicum.errors import CheckpointError, ModelError
from practicum.events import Progress, emit
from practicum.models.decoder import Decoder
from practicum.models.encoder_decoder import EncoderDecoder

Description = Decoder | EncoderDecoder


@dataclass(frozen=True, kw_only=True)
class View:
    """How their tensor becomes ours (`read`) and back (`write`)."""

    read: Callable[[Tensor], Tensor]
    write: Callable[[Tensor], Tensor]


AS_IS = View(read=lambda theirs: theirs, write=lambda ours: ours)
TRANSPOSED = View(read=lambda theirs: theirs.T, write=lambda ours: ours.T)


def adjacent_pairs(heads: int) -> View:
    """Theirs keeps the two rows of a rotary pair beside each other, ours half a head apart.

    The original LLaMA code turns rows (2i, 2i + 1) of a head, ours rows (i, i + k/2).
    """
    return View(
        read=lambda t: rearrange(t, "(h k two) ... -> (h two k) ...", h=heads, two=2),
        write=lambda t: rearrange(t, "(h two k) ... -> (h k two) ...", h=heads, two=2),
    )


@dataclass(frozen=True, kw_only=True)
class Part:
    """The next `rows` rows of ours (None: all of it), from their tensor `name`."""

    name: str
    rows: int | None = None
    view: View = AS_IS


@dataclass(frozen=True)
class Row:
    """Our parameter and the tensors it is made of, in order.

    Of a `stacked` one the two leading axes, expert and row, are taken as one axis of rows.
    """

    ours: str
    parts: tuple[Part, ...]
    stacked: bool = False


@dataclass(frozen=True, kw_only=True)
class Family:
    """An architecture of the `transformers` library, as ours and back.

    `to_config` need not judge what it is given: whoever writes checks that reading it again gives
    the same description. `others` are tables of layouts that are read, too, and never written.
    An entry of the configuration that `from_config` does not ask for is refused, unless it is
    `unread` for a reason: it does not change what is computed.
    """

    architecture: str  # "LlamaForCausalLM"
    base: str  # the same without its head: "LlamaModel", whose names lack `prefix`
    model_type: str
    prefix: str
    ignored: tuple[str, ...]  # patterns of names that hold no weights, such as stored masks
    from_config: Callable[[Mapping[str, Any]], Description]
    to_config: Callable[[Any], dict[str, Any]]
    weights: Callable[[Any], Iterable[Row]]
    others: tuple[Callable[[Any], Iterable[Row]], ...] = ()
    describes: type[Decoder] | type[EncoderDecoder] = Decoder
    unread: tuple[str, ...] = ()

    def table(self, description: Description, names: Collection[str]) -> list[Row]:
        """The table of the layout that has all these names; ours to write where none has."""
        tables = [list(weights(description)) for weights in (self.weights, *self.others)]
        fit = (t for t in tables if all(part.name in names for row in t for part in row.parts))
        return next(fit, tables[0])


class Source(Protocol):
    """Tensors by name, each read when asked for, to where it is wanted."""

    @property
    def where(self) -> str:
        """The file or folder, for messages."""
        ...

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]: ...

    def dtype_of(self, name: str) -> torch.dtype:
        """What `read_into` gives."""
        ...

    def read_into(self, name: str, out: Tensor) -> None:
        """The tensor's values to `out`: contiguous, of its shape and dtype, on the CPU."""
        ...


def same_names(model: nn.Module) -> list[Row]:
    """The table of a network whose weights are stored under our own names."""
    return [Row(name, (Part(name=name),)) for name, _ in model.named_parameters()]


def fill(
    model: nn.Module,
    rows: Iterable[Row],
    source: Source,
    *,
    dtype: torch.dtype,
    device: torch.device | str = "cpu",
    ignored: Sequence[str] = (),
) -> None:
    """Give every parameter of `model`, built on the meta device, its values from `source`.

    `ignored` are patterns of names in `source` that are rightly left over.

    Raises CheckpointError: tensors missing, left over, or of another shape.
    """
    rows = list(rows)
    check_names(model, rows, source, ignored)
    shapes = {name: parameter.shape for name, parameter in model.named_parameters()}
    total = sum(shape.numel() for shape in shapes.values())
    done = 0
    for row in rows:
        shape = shapes[row.ours]
        values = gathered(row, shape, source, dtype, torch.device(device))
        _place(model, row.ours, values)
        done += shape.numel()
        emit(Progress(task="loading weights", done=done, total=total, unit="parameters"))


def outgoing(model: nn.Module, rows: Iterable[Row]) -> dict[str, Tensor]:
    """Their names and layouts of our weights, as views that share our memory.

    Raises ModelError where the network holds parameters the table does not name.
    """
    parameters = {name: p.detach() for name, p in model.named_parameters()}
    theirs: dict[str, Tensor] = {}
    for row in rows:
        theirs |= pieces(row, parameters.pop(row.ours))
    if parameters:
        raise ModelError(
            f"the network holds {_some(parameters)}, for which the format has no name; "
            "merge or detach what was attached to it first"
        )
    return theirs


def pieces(row: Row, values: Tensor) -> dict[str, Tensor]:
    """Their tensors that our parameter `values` is made of, as views of it."""
    values, start = values.flatten(0, 1) if row.stacked else values, 0
    theirs: dict[str, Tensor] = {}
    for part in row.parts:
        end = values.shape[0] if part.rows is None else start + part.rows
        theirs[part.name] = part.view.write(values[start:end])
        start = end
    return theirs


def gathered(
    row: Row, shape: torch.Size, source: Source, dtype: torch.dtype, device: torch.device
) -> Tensor:
    """Our parameter, read from `source`. Raises CheckpointError: another shape, or not numbers."""
    whole = torch.empty(shape, dtype=dtype, device=device)
    values, start = whole.flatten(0, 1) if row.stacked else whole, 0
    for part in row.parts:
        place = values[start : start + (part.rows or values.shape[0])]
        stored = source.dtype_of(part.name)
        if part.view is AS_IS and stored == dtype and device.type == "cpu":
            _check_shape(row, torch.Size(source.shapes[part.name]), place.shape, source)
            source.read_into(part.name, place)
        else:
            theirs = torch.empty(source.shapes[part.name], dtype=stored)
            source.read_into(part.name, theirs)
            piece = part.view.read(theirs)
            _check_shape(row, piece.shape, place.shape, source)
            place.copy_(piece)
        start += place.shape[0]
    _check_finite(row, whole, source)
    return whole


def _place(model: nn.Module, name: str, values: Tensor) -> None:
    owner, _, leaf = name.rpartition(".")
    setattr(model.get_submodule(owner), leaf, nn.Parameter(values))


def check_names(
    model: nn.Module, rows: Sequence[Row], source: Source, ignored: Sequence[str]
) -> list[str]:
    """The names in `source` that are rightly left over, as one of the patterns `ignored` says.

    Raises CheckpointError: tensors missing, or left over for no such reason.
    """
    ours = {name for name, _ in model.named_parameters()}
    listed = {row.ours for row in rows}
    assert ours == listed, f"table and network differ in {sorted(ours ^ listed)}"
    expected = {part.name for row in rows for part in row.parts}
    missing = [name for name in expected if name not in source.shapes]
    if missing:
        raise CheckpointError(
            f"{source.where} lacks {_some(missing)}; the file is incomplete or of another model"
        )
    rest = [name for name in source.shapes if name not in expected]
    left = [name for name in rest if not any(re.fullmatch(pattern, name) for pattern in ignored)]
    if left:
        raise CheckpointError(
            f"{source.where} holds {_some(left)}, which its description has no place for; "
            "the weights are of another model"
        )
    return rest


def _check_shape(row: Row, given: torch.Size, expected: torch.Size, source: Source) -> None:
    if given != expected:
        names = " + ".join(part.name for part in row.parts)
        raise CheckpointError(
            f"{source.where}: {names} has the shape {tuple(given)} where the description "
            f"says {tuple(expected)}; the weights are of another model"
        )


def _check_finite(row: Row, values: Tensor, source: Source) -> None:
    # The quickest question first: a sum is finite where all are, or else may have overflowed.
    if values.dtype.itemsize > 1 and values.is_floating_point() and not values.sum().isfinite():
        strange = int((~values.isfinite()).sum())
        if strange:
            names = " + ".join(part.name for part in row.parts)
            raise CheckpointError(
                f"{source.where}: of the {values.numel():,} numbers of {names} {strange:,} are NaN "
                "or infinite; the file is damaged, or its training diverged: take an earlier one"
            )


def _some(names: Iterable[str]) -> str:
    shown = sorted(names)
    more = f" and {len(shown) - 3} more" if len(shown) > 3 else ""
    return ", ".join(f"{name!r}" for name in shown[:3]) + more
