"""From what a user calls a model for vectors to the thing itself."""

from typing import TYPE_CHECKING

from practicum.cli.loading import Placement, device_called
from practicum.cli.render import showing_progress

if TYPE_CHECKING:
    from practicum.decoding.sentence_embedder import SentenceEmbedder

PACKAGED = "minilm"  # makes vectors on any machine: free, small, and brought from the package index


def embedder_called(reference: str, place: Placement) -> "SentenceEmbedder":
    """The maker of vectors that a folder, an asset or a hub name stands for."""
    import torch

    from practicum.decoding.sentence_embedder import SentenceEmbedder
    from practicum.models.sentence_folder import load_sentence_encoder

    dtypes = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    dtype, device = place.dtype and dtypes[place.dtype], device_called(place.device)
    with showing_progress():
        loaded = load_sentence_encoder(reference, device=device, dtype=dtype)
    return SentenceEmbedder.of(loaded)
