"""Networks in GGUF files: the metadata as a description, the tensors as its weights.

Weights are decoded to float32 one tensor at a time. What an architecture calls its tensors, and
which of its features are not built, stands in its family's file `families/*_gguf.py`.
"""

from typing import cast

import torch
from torch import Tensor

from practicum.errors import ModelError
from practicum.kernels.ggml_blocks import FORMATS, decode_blocks
from practicum.models.decoder import Decoder, DecoderModel
from practicum.models.families import gemma_gguf, llama_gguf
from practicum.models.gguf import GGUF
from practicum.models.gguf_architecture import Architecture
from practicum.models.stored_network import StoredNetwork

ARCHITECTURES = (llama_gguf.LLAMA, gemma_gguf.GEMMA, gemma_gguf.GEMMA2, gemma_gguf.GEMMA3)


def read_model(
    file: GGUF, *, dtype: torch.dtype = torch.float32, device: torch.device | str = "cpu"
) -> DecoderModel:
    """The network in the file.

    Raises ModelError: an architecture or feature that is not built. CheckpointError: weights that
    do not match the metadata.
    """
    return cast(DecoderModel, open_model(file).load(dtype=dtype, device=device))


def open_model(file: GGUF) -> StoredNetwork:
    """The network in the file, its weights not yet decoded. Raises as `read_model`."""
    try:
        architecture = _architecture(file)
        description = architecture.description(file)
    except ModelError as problem:
        raise ModelError(f"{file.path}: {problem}") from problem
    return StoredNetwork(
        description=description,
        rows=tuple(architecture.weights(description)),
        source=_Decoded(file),
        dtype=torch.float32,
    )


def describe(file: GGUF) -> Decoder:
    """The description that the metadata stands for."""
    return _architecture(file).description(file)


def _architecture(file: GGUF) -> Architecture:
    name = file.metadata.get("general.architecture")
    for architecture in ARCHITECTURES:
        if architecture.name == name:
            return architecture
    known = ", ".join(architecture.name for architecture in ARCHITECTURES)
    raise ModelError(
        f"the architecture {name!r} is not built; GGUF files that can be loaded: {known}"
    )


class _Decoded:
    """The file's tensors, decoded when asked for."""

    def __init__(self, file: GGUF) -> None:
        self.file = file
        self.where = str(file.path)
        self.shapes = {name: tensor.shape for name, tensor in file.tensors.items()}

    def dtype_of(self, name: str) -> torch.dtype:
        return torch.float32

    def read_into(self, name: str, out: Tensor) -> None:
        tensor = self.file.tensors[name]
        decode_blocks(tensor.stored, FORMATS[tensor.type], out.view(-1))
