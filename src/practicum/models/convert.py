"""A model rewritten in another layout, one parameter at a time.

Nothing but the parameter at hand is in memory, so that a checkpoint larger than memory can be
converted. Read is whatever `load` names: a folder of the `transformers` library or of ours, a GGUF
file (decoded to float32). Written is a folder in either layout: `transformers` has the names and
files of that library, `practicum` a description and the weights under our own names.
"""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from practicum.config import to_json
from practicum.errors import ModelError, TokenizerError
from practicum.events import Progress, emit
from practicum.models.hugging_face import (
    SHARD_BYTES,
    family_of,
    unfit,
    write_config,
    write_json,
    write_text_side,
)
from practicum.models.load import Stored, open_stored
from practicum.models.own_folder import DESCRIPTION
from practicum.models.safetensors_folder import write_weights
from practicum.models.staging import staged
from practicum.models.stored_network import StoredNetwork
from practicum.models.weight_table import Row, outgoing, pieces, same_names

Layout = Literal["transformers", "practicum"]
TEXT_FILES = (
    *("tokenizer.json", "source_tokenizer.json", "tokenizer_config.json", "added_tokens.json"),
    *("special_tokens_map.json", "chat_template.jinja", "generation_config.json"),
    *("spiece.model", "tokenizer.model", "vocab.json", "merges.txt"),
)


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """What was read and what was written."""

    source: str
    target: str
    layout: Layout
    architecture: str
    parameters: int
    read: int  # tensors
    written: int  # tensors
    bytes: int  # of weights, written
    left: tuple[str, ...]  # names in the source that hold no weights, such as stored masks
    lacking: str  # why no tokenizer was written; empty where nothing is lacking


def convert(
    reference: str,
    target: str | Path,
    *,
    layout: Layout | None = None,
    dtype: torch.dtype | None = None,
    max_shard_bytes: int = SHARD_BYTES,
) -> Conversion:
    """Write the model that `reference` names to the folder `target`, which changes all at once.

    `layout` None is the one that the model is not in (of a GGUF file: `transformers`); `dtype` None
    keeps that of every parameter.

    Raises as `load`, while nothing is written; ModelError: no architecture of `transformers` is
    this network; CheckpointError: weights that do not fit or are no numbers, or cannot write.
    """
    stored = open_stored(reference)
    description = stored.network.description
    layout = layout or _other(stored)
    family = family_of(description) if layout == "transformers" else None
    if layout == "transformers" and family is None:
        raise ModelError(unfit(description))
    rewriting = _Rewriting(
        stored.network, None if family is None else family.weights(description), dtype
    )
    with staged(Path(target)) as aside:
        write_weights(
            rewriting.tensors, aside, max_shard_bytes=max_shard_bytes, read=rewriting.read
        )
        lacking = _write_texts(stored, aside)
        if family is None:
            write_json(aside / DESCRIPTION, to_json(description))
        else:
            write_config(
                aside, family, description, dtype=rewriting.dtype, tokenizer=stored.tokenizer
            )
    return Conversion(
        source=stored.source,
        target=str(target),
        layout=layout,
        architecture=type(description).__name__ if family is None else family.architecture,
        parameters=rewriting.total,
        read=len(stored.network.source.shapes),
        written=len(rewriting.tensors),
        bytes=sum(tensor.nbytes for tensor in rewriting.tensors.values()),
        left=tuple(stored.network.unused()),
        lacking=lacking,
    )


def _write_texts(stored: Stored, aside: Path) -> str:
    """A folder's own files about text as they are; of a GGUF file, what it says in their form.

    Returns why there is no tokenizer where its kind has no such form.
    """
    folder = Path(stored.source)
    if folder.is_dir():
        for name in TEXT_FILES:
            if (folder / name).is_file():
                shutil.copyfile(folder / name, aside / name)
        return ""
    try:
        write_text_side(aside, stored.tokenizer, stored.chat_template)
    except TokenizerError as problem:
        write_text_side(aside, None, stored.chat_template)
        return str(problem)
    return ""


def _other(stored: Stored) -> Layout:
    config = Path(stored.source) / "config.json"
    return "practicum" if config.is_file() else "transformers"


class _Rewriting:
    """The tensors to write: their shapes at once, their values when asked for, in order."""

    def __init__(
        self, network: StoredNetwork, table: Iterable[Row] | None, dtype: torch.dtype | None
    ) -> None:
        model = network.empty()
        rows = list(same_names(model) if table is None else table)
        kinds = dict(network.dtypes())
        for name, parameter in model.named_parameters():
            parameter.data = parameter.data.to(dtype or kinds[name])
        self.network, self.tensors = network, outgoing(model, rows)
        self.dtype = dtype or network.dtype
        self.empty = dict(model.named_parameters())
        self.total = sum(parameter.numel() for parameter in self.empty.values())
        self.of = {part.name: row for row in rows for part in row.parts}
        self.made = {row.ours: row for row in network.rows}
        self.done, self.name, self.now = 0, "", dict[str, Tensor]()

    def read(self, theirs: str) -> Tensor:
        row = self.of[theirs]
        if self.name != row.ours:  # else another piece of the parameter that was read last
            self.now.clear()
            empty = self.empty[row.ours]
            values = self.network.parameter(self.made[row.ours], empty.shape, empty.dtype)
            self.name, self.now = row.ours, pieces(row, values)
            self.done += values.numel()
            emit(
                Progress(
                    task="converting weights", done=self.done, total=self.total, unit="parameters"
                )
            )
        return self.now[theirs]
