"""Protocol buffers read and written without their description (Protocol Buffers, "Encoding").

    message = (tag value)*,  tag = number · 8 + wire type

A value is a number (wire type 0), 8 or 4 bytes (1, 5), or a length and that many bytes (2): text,
bytes or another message, which only its reader can tell. Groups (3, 4) are refused: they were
given up before most files that one meets were written.
"""

import struct
from collections.abc import Iterator

from practicum.errors import TokenizerError


def fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of `message`, in order: number and value.

    Raises TokenizerError where the message ends too early or is not one.
    """
    at, end = 0, len(message)
    while at < end:
        tag, at = _number(message, at)
        match tag & 7:
            case 0:
                value, at = _number(message, at)
                yield tag >> 3, value
                continue
            case 1:
                length = 8
            case 2:
                length, at = _number(message, at)
            case 5:
                length = 4
            case kind:
                raise TokenizerError(f"byte {at - 1} begins no field: there is no wire type {kind}")
        if at + length > end:
            raise TokenizerError(f"the message lacks {at + length - end} bytes of its last field")
        yield tag >> 3, message[at : at + length]
        at += length


def field(number: int, value: int | float | bytes) -> bytes:
    """One field: a number of at least 0, a number of 32 bits with a point, or bytes."""
    match value:
        case float():
            return _digits(number << 3 | 5) + struct.pack("<f", value)
        case int():
            return _digits(number << 3) + _digits(value)
        case _:
            return _digits(number << 3 | 2) + _digits(len(value)) + value


def _digits(value: int) -> bytes:
    digits = bytearray()
    while value > 0x7F:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*digits, value])


def _number(message: bytes, at: int) -> tuple[int, int]:
    """The number at `at`, seven bits a byte, the lowest first; and where it ends."""
    value = 0
    for shift in range(0, 70, 7):
        if at == len(message):
            raise TokenizerError("the message ends within a number")
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise TokenizerError(f"byte {at - 10} begins a number of more than ten bytes")
