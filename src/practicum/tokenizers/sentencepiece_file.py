"""SentencePiece's `.model` files as tokenizers, and the other way."""

from pathlib import Path

from practicum.errors import TokenizerError
from practicum.tokenizers.sentencepiece_bpe import SentencePieceBPE
from practicum.tokenizers.sentencepiece_model import (
    SentencePieceModel,
    read_sentencepiece,
    write_sentencepiece,
)
from practicum.tokenizers.unigram import Unigram
from practicum.tokenizers.whole_file import replace_file


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
    replace_file(Path(path), write_sentencepiece(tokenizer.model))


def tokenizer_of(model: SentencePieceModel) -> SentencePieceBPE | Unigram:
    """The tokenizer that cuts by the algorithm of `model`."""
    return SentencePieceBPE(model) if model.algorithm == "bpe" else Unigram(model)
