"""Streamed decoding: characters come whole, and as soon as they are certain."""

from practicum.tokenizers.bytes import ByteTokenizer
from practicum.tokenizers.streaming import stream_decoder


def pushed(data: bytes) -> list[str]:
    decoder = stream_decoder(ByteTokenizer())
    return [*(decoder.push(byte) for byte in data), decoder.finish()]


def test_a_character_appears_with_its_last_byte() -> None:
    assert pushed("aé東😀".encode()) == ["a", "", "é", "", "", "東", "", "", "", "😀", ""]


def test_bytes_that_cannot_become_a_character_are_replaced_at_once() -> None:
    assert pushed(b"\xffa") == ["\ufffd", "a", ""]
    assert pushed(b"\xe6\x9da") == ["", "", "\ufffda", ""]


def test_an_unfinished_character_is_replaced_at_the_end() -> None:
    assert pushed(b"a\xe6\x9d") == ["a", "", "", "\ufffd"]


def test_after_the_finish_a_decoder_is_as_new() -> None:
    decoder = stream_decoder(ByteTokenizer())
    decoder.push(0xE6)
    assert decoder.finish() == "\ufffd"
    assert decoder.push(0x61) == "a"
    assert decoder.finish() == ""
