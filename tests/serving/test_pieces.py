"""How much of which prompts is read at once."""

from practicum.decoding.sampling import Sampling
from practicum.serving.pieces import piece
from practicum.serving.question import Question
from practicum.serving.row import Row
from practicum.tokenizers.bytes import ByteTokenizer


def row(tokens, read=0):
    """A prompt of so many tokens, of which some have been read."""
    made = Row(
        Question(ids=(65,) * tokens, sampling=Sampling()),
        lambda _: None,
        number=0,
        asked=0.0,
        tokenizer=ByteTokenizer(),
        ends=(),
        capacity=1000,
    )
    made.read = read
    return made


def counts(rows, room, context=1000, *, together=True):
    taken, each = piece(rows, room, context, together=together)
    assert taken == rows[: len(taken)]
    return each


def test_no_more_is_read_than_there_is_room_for_padding_included():
    assert counts([row(300)], 256) == [256]
    assert counts([row(300, 290)], 256) == [10]
    assert counts([row(10), row(30), row(20)], 90) == [10, 30, 20]
    assert counts([row(10), row(31), row(20)], 90) == [10, 31]
    assert counts([row(50), row(50)], 90) == [50]


def test_rows_that_keep_something_apart_are_read_one_by_one():
    assert counts([row(10), row(10)], 90, together=False) == [10]


def test_padding_of_a_prompt_that_was_half_read_stays_within_the_context():
    rows = [row(150, 128), row(32)]
    assert counts(rows, 256, 160) == [22, 32]
    assert counts(rows, 256, 159) == [22]
    assert counts(rows[::-1], 256, 159) == [32]
