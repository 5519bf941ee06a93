"""Bytes behind a few reserved ids: ByT5's tokenizer (Xue et al. 2021, §3.1).

    0 <pad>   1 </s>   2 <unk>   3 … 258 the bytes   and rows that stand for nothing up to `size`

Eleven bytes, 0xF5 to 0xFF, are in no UTF-8 text. Their ids mark what span corruption hides, as
`<extra_id_0>` (258) down to `<extra_id_10>`; the rows beyond, which `transformers` gives these
names, were never trained. Bytes that are no UTF-8 are left out of decoded text, as in ByT5.
"""

from collections.abc import Iterable
from typing import Any

from practicum.errors import TokenizerError
from practicum.tokenizers.tokenizer import PieceTokenizer

RESERVED = ("<pad>", "</s>", "<unk>")
NEVER = 0xF5  # the first of the bytes that UTF-8 does not use
LAST = len(RESERVED) + 0xFF


class OffsetBytes(PieceTokenizer):
    """Byte b has the id b + 3; `size` is the number of rows of the model's matrix."""

    def __init__(self, size: int = 384) -> None:
        if size <= LAST:
            raise TokenizerError(f"{size} ids do not hold 3 reserved ones and 256 bytes")
        first = len(RESERVED) + NEVER
        sentinels = {f"<extra_id_{LAST - number}>": number for number in range(first, LAST + 1)}
        pieces = [text.encode() for text in RESERVED] + [bytes([byte]) for byte in range(NEVER)]
        pieces += [text.encode() for text in sentinels]
        pieces += [b""] * (size - len(pieces))
        reserved = {text: number for number, text in enumerate(RESERVED)}
        super().__init__(pieces, reserved | sentinels, end=reserved["</s>"], begin=None)

    def _encode_plain(self, text: str) -> list[int]:
        return [len(RESERVED) + byte for byte in text.encode()]

    def decode(self, ids: Iterable[int]) -> str:
        """See `Tokenizer.decode`, but for what is no UTF-8: it goes."""
        return self.decode_bytes(ids).decode("utf-8", errors="ignore")

    def description(self) -> dict[str, Any]:
        """See `Tokenizer.description`."""
        return {"kind": "OffsetBytes", "size": self.size}
