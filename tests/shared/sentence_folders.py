"""Folders of small encoders of sentences, as other libraries write them."""

import json
from pathlib import Path
from typing import Any

from practicum.models.build import build
from practicum.models.encoder_folder import write_encoder
from practicum.models.families.bert import bert
from practicum.tokenizers.wordpiece import WordPiece
from practicum.tokenizers.wordpiece_files import save_wordpiece

CONTEXT, WIDTH = 40, 24
LETTERS = "abcdefghijklmnopqrstuvwxyz"
TOKENS = [
    *("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
    *(*LETTERS, *(f"##{letter}" for letter in LETTERS), ".", "!"),
]
STEPS = ("Transformer", "Pooling", "Normalize")


def plain_folder(folder: Path, tokens: list[str] = TOKENS) -> Path:
    """An encoder's folder of `transformers`, and nothing else."""
    model = build(bert(width=WIDTH, depth=2, heads=3, vocab=len(TOKENS), context=CONTEXT), seed=4)
    for parameter in model.parameters():  # at their initial size all texts are nearly alike
        parameter.data *= 4.0 if parameter.ndim == 2 else 1.0
    write_encoder(model, folder)
    save_wordpiece(WordPiece(tokens), folder)
    return folder


def sentence_folder(
    folder: Path,
    *,
    pooling: dict[str, Any],
    steps: tuple[str, ...] = STEPS,
    longest: int | None = None,
    body: str = "",
) -> Path:
    """A folder of `sentence-transformers`."""
    plain_folder(folder / body)
    places = (body, "1_Pooling", "2_Normalize")
    listing = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{step}"}
        for i, (step, path) in enumerate(zip(steps, places, strict=False))
    ]
    write(folder / "modules.json", listing)
    (folder / "1_Pooling").mkdir()
    write(folder / "1_Pooling" / "config.json", {"word_embedding_dimension": WIDTH, **pooling})
    if longest is not None:
        write(folder / body / "sentence_bert_config.json", {"max_seq_length": longest})
    return folder


def write(place: Path, data: Any) -> None:
    place.write_text(json.dumps(data))
