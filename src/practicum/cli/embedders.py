"""From what a user calls a model for vectors to the thing itself."""

from typing import TYPE_CHECKING

from practicum.cli.loading import Placement
from practicum.cli.render import showing_progress

if TYPE_CHECKING:
    from practicum.decoding.sentence_embedder import SentenceEmbedder

PACKAGED = "minilm"  # makes vectors on any machine: free, small, and brought from the package index


def embedder_called(reference: str, place: Placement) -> "SentenceEmbedder":
    """The maker of vectors that a folder, an asset or a hub name stands for."""
    from practicum.decoding.sentence_embedder import SentenceEmbedder
    from practicum.models.sentence_folder import load_sentence_encoder

    with showing_progress():
        loaded = load_sentence_encoder(reference, **place.asked())
    return SentenceEmbedder.of(loaded)
