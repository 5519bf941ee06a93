"""What a text-to-text model reads ends, has sentinels as tokens, and comes back without either."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizer_kinds import patient

from practicum.errors import TokenizerError
from practicum.tokenizers.bytes import ByteTokenizer
from practicum.tokenizers.offset_bytes import OffsetBytes
from practicum.tokenizers.text_to_text import TextToText

NAMES = ("<end>", "<pad>", "<extra_id_0>", "<extra_id_1>")
BYTES = TextToText(ByteTokenizer(NAMES), begin=257)
BOTH = {"bytes": BYTES, "bytes behind others": TextToText(OffsetBytes(), begin=0)}
TEXTS = st.lists(st.sampled_from(["é ", "ab", *NAMES, "<extra_id_7>", "\n"])).map("".join)


@pytest.mark.parametrize("kind", BOTH)
@patient
@given(text=TEXTS)
def test_a_text_comes_back_and_ends_in_between(kind: str, text: str):
    tokenizer = BOTH[kind]
    ids, offsets = tokenizer.encode_with_offsets(text)
    assert ids == tokenizer.encode(text)
    assert ids.count(tokenizer.end) == 1
    assert ids[-1] == tokenizer.end
    assert tokenizer.decode(ids) == text
    assert tokenizer.decode_bytes(ids) == text.encode()
    whole = text.encode()
    pieces = [whole[start:stop] for start, stop in offsets]
    assert b"".join(pieces) == whole
    assert pieces[:-1] == [tokenizer.piece(number) for number in ids[:-1]]


def test_sentinels_alone_are_tokens_unless_one_says_otherwise():
    plain = ByteTokenizer(NAMES)
    assert BYTES.encode("a<extra_id_1><pad>") == [97, 259, *plain.encode("<pad>"), 256]
    assert BYTES.encode("a<extra_id_1><pad>", specials=True) == [97, 259, 257, 256]
    with pytest.raises(TokenizerError, match="<pad>"):
        BYTES.encode("<pad>", specials=["<extra_id_1>"])


def test_rows_that_no_token_has_say_nothing():
    assert BYTES.decode([97, 9999, 98, 256]) == "ab"


def test_its_description_tells_it_from_others():
    assert BYTES.description() != TextToText(ByteTokenizer(NAMES), begin=256).description()
    assert (BYTES.size, BYTES.begin, BYTES.end) == (260, 257, 256)
    assert BYTES.vocabulary()[258] == b"<extra_id_0>"


def test_what_never_ends_is_refused():
    with pytest.raises(TokenizerError, match="needs both"):
        TextToText(ByteTokenizer(()), begin=0)
    with pytest.raises(TokenizerError, match="begin after 300"):
        TextToText(ByteTokenizer(), begin=300)
