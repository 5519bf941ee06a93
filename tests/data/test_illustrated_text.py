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
        assert kinds == [Written, Signal, Written, Signal, Written, Written]
        assert bytes(document[0].ids + document[5].ids).decode() in TEXT
        for place in (1, 3):
            (number,) = (n for n in range(3) if (TASK.pieces[n] == document[place].pieces).all())
            assert bytes(document[place + 1].ids).decode() == str(IMAGES.labels[number])


def test_patches_are_two_by_two():
    assert TASK.pieces.shape == (3, 4, 4)
    assert ((TASK.pieces[0, 1] + 1) * 24).round().tolist() == [2, 3, 6, 7]


def test_the_text_alone_is_that_of_the_same_draw():
    alone = TextAlone(TASK).draw(10, rng())
    assert all(len(document) == 1 for document in alone)
    for document, same in zip(TASK.draw(10, rng()), alone, strict=True):
        assert same[0].ids == (*document[0].ids, *document[5].ids)


def test_prose_is_one_stretch():
    assert [len(document[0].ids) for document in TASK.prose(4, rng())] == [5] * 4


def test_riddles_show_every_picture_once_or_none():
    riddles, blank = TASK.riddles(), TASK.riddles(blank=True)
    assert [bytes(riddle[1].ids).decode() for riddle in riddles] == ["7", "0", "4"]
    assert all((one[0].pieces == -1).all() for one in blank)
    assert (riddles[2][0].pieces == TASK.pieces[2]).all()


def test_too_little_text_is_refused():
    with pytest.raises(DataError, match="more text"):
        IllustratedText(SHARDS, IMAGES, pictures=2, stretch=500)
