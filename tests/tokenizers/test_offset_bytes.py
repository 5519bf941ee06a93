"""ByT5's ids are those of `transformers`, also of text that is cut within a letter."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizer_kinds import patient
from transformers import ByT5Tokenizer

from practicum.errors import TokenizerError
from practicum.tokenizers.offset_bytes import OffsetBytes

OURS, THEIRS = OffsetBytes(), ByT5Tokenizer()
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@patient
@given(text=TEXTS | st.just("naïve 東京 😀" * 200), cut=st.integers(0, 1024))
def test_ids_and_texts_are_theirs(text: str, cut: int):
    ids = OURS.encode(text)
    assert [*ids, OURS.end] == THEIRS(text).input_ids
    assert OURS.decode(ids) == text
    part = ids[:cut]
    assert OURS.decode(part) == THEIRS.decode(part, clean_up_tokenization_spaces=False)


def test_sentinels_count_down_from_the_last_byte_and_no_text_has_them():
    assert [OURS.specials[f"<extra_id_{number}>"] for number in (0, 1, 10)] == [258, 257, 248]
    assert OURS.encode("a<extra_id_0>b", specials=True) == [100, 258, 101]
    highest = max(max(chr(point).encode()) for point in (0x7F, 0x7FF, 0xFFFF, 0x10FFFF))
    assert highest + 3 < 248


def test_rows_beyond_the_bytes_say_nothing():
    assert OURS.size == 384
    assert OURS.decode([107, 300, 383, 108]) == "hi"
    assert OffsetBytes(259).size == 259
    with pytest.raises(TokenizerError, match="258 ids do not hold"):
        OffsetBytes(258)
