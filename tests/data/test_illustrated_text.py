"""Pictures between stretches of prose."""

import numpy as np
import pytest

from practicum.data.documents import Document
from practicum.data.illustrated_text import IllustratedText, TextAlone
from practicum.data.images import Images
from practicum.data.segments import Signal, Written
from practicum.data.shards import encode_documents
from practicum.errors import DataError
from practicum.tokenizers.bytes import ByteTokenizer

TEXT = "To be, or not to be, that is the question: whether 'tis nobler in the mind to suffer"
SHARDS = encode_documents([Document(id="1", text=TEXT, source="", licence="")], ByteTokenizer())
PIXELS = np.arange(3 * 16, dtype=np.float32).reshape(3, 16) / 48
IMAGES = Images(PIXELS, np.array([7, 0, 4]))
TASK = IllustratedText(SHARDS, IMAGES, pictures=2, stretch=5)


def rng():
    return np.random.default_rng(0)


def test_prose_goes_on_behind_pictures_and_their_digits():
    for document in TASK.draw(20, rng()):
        kinds = [type(segment) for segment in document]
        assert kinds == [Written, Signal, Written, Written, Signal, Written, Written]
        prose = b"".join(bytes(document[place].ids) for place in (0, 3, 6))
        assert prose.decode() in TEXT
        for place in (1, 4):
            (number,) = (n for n in range(3) if (TASK.pieces[n] == document[place].pieces).all())
            assert bytes(document[place + 1].ids).decode() == str(IMAGES.labels[number])


def test_patches_are_two_by_two():
    assert TASK.pieces.shape == (3, 4, 4)
    assert (TASK.pieces[0, 1] * 48).round().tolist() == [2, 3, 6, 7]


def test_the_text_alone_is_that_of_the_same_draw():
    alone = TextAlone(TASK).draw(10, rng())
    assert all(len(document) == 1 for document in alone)
    assert len(alone[0][0].ids) == 15
    first, same = TASK.draw(1, rng())[0], alone[0]
    assert same[0].ids == (*first[0].ids, *first[3].ids, *first[6].ids)


def test_riddles_show_every_picture_once_or_none():
    riddles, blank = TASK.riddles(), TASK.riddles(blank=True)
    assert [bytes(riddle[1].ids).decode() for riddle in riddles] == ["7", "0", "4"]
    assert all((one[0].pieces == 0).all() for one in blank)
    assert (riddles[2][0].pieces == TASK.pieces[2]).all()


def test_too_little_text_is_refused():
    with pytest.raises(DataError, match="more text"):
        IllustratedText(SHARDS, IMAGES, pictures=2, stretch=500)
