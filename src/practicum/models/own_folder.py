"""A network under our own names: `description.json`, and beside it its weights as safetensors."""

from pathlib import Path
from typing import Any

import torch
from torch import nn

from practicum.config import from_json, to_json
from practicum.models.build import Described, build
from practicum.models.hugging_face import write_json
from practicum.models.safetensors_folder import open_weights, read_json, write_weights
from practicum.models.stored_network import StoredNetwork
from practicum.models.weight_table import outgoing, same_names

DESCRIPTION = "description.json"


def kind_in(folder: Path) -> str | None:
    """The kind of network that the folder describes; None where it has no description of ours."""
    place = folder / DESCRIPTION
    return str(read_json(place).get("kind")) if place.is_file() else None


def write_network(
    model: nn.Module, description: Described[nn.Module], folder: Path, *, max_shard_bytes: int
) -> None:
    """Its weights, and then its description."""
    tensors = outgoing(model, same_names(model))
    write_weights(tensors, folder, max_shard_bytes=max_shard_bytes)
    write_json(folder / DESCRIPTION, to_json(description))


def read_network(
    expected: Any, folder: Path, *, device: torch.device | str, dtype: torch.dtype | None
) -> Any:
    """The network whose description is of the type `expected`, or of one of a union.

    `dtype` None keeps the one that most weights are stored in.

    Raises CheckpointError, ConfigError: files that are damaged, or do not belong together.
    """
    return open_network(expected, folder).load(dtype=dtype, device=device)


def open_network(expected: Any, folder: Path) -> StoredNetwork:
    """The same with its weights not yet read."""
    description = from_json(expected, read_json(folder / DESCRIPTION))
    weights = open_weights(folder)
    return StoredNetwork(
        description=description,
        rows=tuple(same_names(build(description, device="meta"))),
        source=weights,
        dtype=weights.dtype,
    )
