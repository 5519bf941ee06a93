"""Protocol buffers: every kind of field, and messages that are none."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizer_kinds import patient

from practicum.errors import TokenizerError
from practicum.tokenizers.protobuf import field, fields

VALUES = st.one_of(st.integers(0, 2**63), st.binary(max_size=300))


@patient
@given(values=st.lists(st.tuples(st.integers(1, 2**28), VALUES)))
def test_written_fields_are_read(values: list[tuple[int, int | bytes]]) -> None:
    message = b"".join(field(number, value) for number, value in values)
    assert list(fields(message)) == values


def test_numbers_of_fixed_length_are_their_bytes() -> None:
    assert list(fields(b"\x0dabcd\x11abcdefgh")) == [(1, b"abcd"), (2, b"abcdefgh")]


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"\x0a\x05abc", "lacks 2 bytes"),
        (b"\x0dabc", "lacks 1 bytes"),
        (b"\x08", "ends within a number"),
        (b"\x08\xff", "ends within a number"),
        (b"\x08" + b"\xff" * 11, "more than ten bytes"),
        (b"\x0b", "no wire type 3"),
        (b"\x0f", "no wire type 7"),
    ],
)
def test_what_is_no_message_is_refused(message: bytes, reason: str) -> None:
    with pytest.raises(TokenizerError, match=reason):
        list(fields(message))


@patient
@given(message=st.binary())
def test_any_bytes_are_read_or_refused(message: bytes) -> None:
    with suppress(TokenizerError):
        list(fields(message))
