"""Encoders of texts as folders of the `transformers` library, read and written.

As `hugging_face` does for models that write: config.json, and weights as safetensors. One family is
built, BERT's (`families/bert_weights.py`), so none is looked for.
"""

from pathlib import Path
from typing import Any, cast

import torch

from practicum.errors import ModelError
from practicum.models.families import bert_weights
from practicum.models.foreign_config import Watched
from practicum.models.hugging_face import SHARD_BYTES, write_json
from practicum.models.safetensors_folder import open_weights, read_json, write_weights
from practicum.models.staging import staged
from practicum.models.stored_network import StoredNetwork
from practicum.models.text_encoder import TextEncoderModel
from practicum.models.weight_table import outgoing


def open_encoder(path: str | Path) -> StoredNetwork:
    """The encoder in the folder, its weights not yet read. Raises as `read_encoder`."""
    folder = Path(path)
    config = Watched(read_json(folder / "config.json"))
    stored = open_weights(folder)
    weights = stored.renamed({name: bert_weights.whole_name(name) for name in stored.tensors})
    pooled = f"{bert_weights.PREFIX}pooler.dense.weight" in weights.tensors
    try:
        description = bert_weights.from_config(config, pooled=pooled)
        config.refuse_unread()
    except ModelError as problem:
        raise ModelError(f"{folder}: {problem}") from problem
    return StoredNetwork(
        description=description,
        rows=tuple(bert_weights.weights(description)),
        source=weights,
        dtype=weights.dtype,
        ignored=bert_weights.IGNORED,
    )


def read_encoder(
    path: str | Path, *, dtype: torch.dtype | None = None, device: torch.device | str = "cpu"
) -> TextEncoderModel:
    """The encoder in the folder; `dtype` None keeps the one that most weights are stored in.

    Raises ModelError: an architecture or a feature that is not built. CheckpointError: a file
    missing, truncated, pickled, or weights that do not match the configuration.
    """
    return cast(TextEncoderModel, open_encoder(path).load(dtype=dtype, device=device))


def write_encoder(
    model: TextEncoderModel, path: str | Path, *, max_shard_bytes: int = SHARD_BYTES
) -> None:
    """Writes the encoder so that `transformers` loads it; the folder changes all at once.

    Raises ModelError: no BERT is this network. CheckpointError: it cannot be written.
    """
    config: dict[str, Any] = bert_weights.to_config(model.description)
    tensors = outgoing(model, bert_weights.weights(model.description))
    dtype = str(next(iter(tensors.values())).dtype).removeprefix("torch.")
    if config["architectures"] == [bert_weights.BODY]:
        tensors = {name.removeprefix(bert_weights.PREFIX): t for name, t in tensors.items()}
    with staged(Path(path)) as aside:
        write_weights(tensors, aside, max_shard_bytes=max_shard_bytes)
        write_json(aside / "config.json", {**config, "dtype": dtype})
