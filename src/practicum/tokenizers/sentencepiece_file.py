"""SentencePiece's `.model` files as tokenizers, and the other way."""

import os
import secrets
from pathlib import Path

from practicum.errors import TokenizerError
from practicum.tokenizers.sentencepiece_bpe import SentencePieceBPE
from practicum.tokenizers.sentencepiece_model import (
    SentencePieceModel,
    read_sentencepiece,
    write_sentencepiece,
)
from practicum.tokenizers.unigram import Unigram


def load_sentencepiece(path: str | Path) -> SentencePieceBPE | Unigram:
    """The tokenizer in a `.model` file. Raises TokenizerError where it is not one, or not done."""
    try:
        data = Path(path).read_bytes()
    except OSError as problem:
        raise TokenizerError(f"cannot read {path}: {problem.strerror}") from problem
    try:
        return tokenizer_of(read_sentencepiece(data))
    except TokenizerError as problem:
        raise TokenizerError(f"{path}: {problem}") from problem


def save_sentencepiece(tokenizer: SentencePieceBPE | Unigram, path: str | Path) -> None:
    """Write the `.model` file of `tokenizer`, at once: nobody sees half of it."""
    path = Path(path)
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        try:
            partial.write_bytes(write_sentencepiece(tokenizer.model))
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as problem:
        raise TokenizerError(f"cannot write {path}: {problem.strerror}") from problem


def tokenizer_of(model: SentencePieceModel) -> SentencePieceBPE | Unigram:
    """The tokenizer that cuts by the algorithm of `model`."""
    return SentencePieceBPE(model) if model.algorithm == "bpe" else Unigram(model)
