"""Windows cover the tokens once; segments say whose each token is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from practicum.data.documents import Document
from practicum.data.packing import Windows
from practicum.data.shards import TokenShards, encode_documents
from practicum.errors import DataError
from practicum.tokenizers.bytes import ByteTokenizer

TOKENIZER = ByteTokenizer()


def shards_of(*texts: str) -> TokenShards:
    documents = [
        Document(id=str(number), text=text, source="tests", licence="none")
        for number, text in enumerate(texts)
    ]
    return encode_documents(documents, TOKENIZER)


@given(st.lists(st.text(max_size=9), min_size=2, max_size=9), st.integers(1, 6))
def test_every_token_is_a_target_once_but_the_first_and_the_rest(texts, length):
    shards = shards_of(*texts)
    if len(shards) <= length:
        return
    windows = Windows(shards, length)
    targets = np.concatenate([example.ids[1:] for example in windows])
    assert all(len(example.ids) == length + 1 for example in windows)
    assert targets.tolist() == shards.read(1, 1 + len(targets)).tolist()
    assert len(shards) - 1 - len(targets) < length


@given(st.lists(st.text(max_size=9), min_size=2, max_size=9), st.integers(1, 6))
def test_segments_rise_by_one_after_each_end(texts, length):
    shards = shards_of(*texts)
    if len(shards) <= length:
        return
    for example in Windows(shards, length, segments=True):
        assert example.segments is not None
        ends = np.cumsum(example.ids == TOKENIZER.end)
        assert example.segments.tolist() == [0, *ends[:-1]]


def test_examples_carry_no_segments_unless_asked():
    example = Windows(shards_of("abcdef"), 3)[0]
    assert example.ids.tolist() == [97, 98, 99, 100]
    assert example.ids.dtype == np.int64
    assert example.segments is None


def test_windows_are_a_sequence():
    windows = Windows(shards_of("abcdef"), 2)
    assert len(windows) == 3
    assert windows[-1].ids.tolist() == windows[2].ids.tolist()
    assert [example.ids[0] for example in windows[1:]] == [99, 101]
    with pytest.raises(IndexError, match="window 3 of 3"):
        windows[3]


def test_too_little_text_is_said_so():
    with pytest.raises(DataError, match=r"7 tokens give no window of 7 \+ 1.*more text"):
        Windows(shards_of("abcdef"), 7)
    with pytest.raises(DataError, match="expected 1 or more"):
        Windows(shards_of("abcdef"), 0)
