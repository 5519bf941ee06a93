"""GPT-2's byte alphabet: a printable character for every byte (Radford et al. 2019, `encoder.py`).

Vocabulary files are text, so pieces, which are bytes, are written in it: printable Latin-1 bytes
stand for themselves, the 68 others (space, controls, …) for the characters from U+0100 on, in
order. A space is Ġ, a newline Ċ.
"""

from practicum.errors import TokenizerError

_PRINTABLE = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
_OTHERS = [byte for byte in range(256) if byte not in _PRINTABLE]

BYTE_ORDER = bytes(_PRINTABLE + _OTHERS)
"""All bytes in the order of their characters: GPT-2's ids 0 to 255."""

_TO_CHARACTER = {byte: chr(byte) for byte in _PRINTABLE} | {
    byte: chr(0x100 + number) for number, byte in enumerate(_OTHERS)
}
_TO_BYTE = {character: byte for byte, character in _TO_CHARACTER.items()}


def printable(piece: bytes) -> str:
    """`piece` written in the alphabet: b" the" is "Ġthe"."""
    return piece.decode("latin-1").translate(_TO_CHARACTER)


def unprintable(text: str) -> bytes:
    """The bytes that `text` writes. Raises TokenizerError at a character outside the alphabet."""
    try:
        return bytes([_TO_BYTE[character] for character in text])
    except KeyError as problem:
        raise TokenizerError(
            f"token {text!r} holds {problem.args[0]!r}, which is not in the byte-level alphabet"
        ) from problem
