"""The tokenizer without a vocabulary: every byte of the UTF-8 text is an id, 0 to 255."""

from typing import Any

from practicum.errors import TokenizerError
from practicum.tokenizers.tokenizer import PieceTokenizer


class ByteTokenizer(PieceTokenizer):
    """Ids 0–255 are the bytes, ids from 256 the special tokens; the first of them ends a text."""

    def __init__(self, specials: tuple[str, ...] = ("<|endoftext|>",)) -> None:
        if len(set(specials)) < len(specials):
            raise TokenizerError(f"a special token is named twice in {specials}")
        ids = {text: 256 + number for number, text in enumerate(specials)}
        pieces = [bytes([byte]) for byte in range(256)] + [text.encode() for text in specials]
        super().__init__(pieces, ids, end=256 if specials else None, begin=None)

    def _encode_plain(self, text: str) -> list[int]:
        return list(text.encode())

    def encode_bytes(self, data: bytes) -> list[int]:
        """The ids of any bytes, which are the bytes."""
        return list(data)

    def description(self) -> dict[str, Any]:
        """See `Tokenizer.description`."""
        return {"kind": "ByteTokenizer", "specials": list(self.specials)}
