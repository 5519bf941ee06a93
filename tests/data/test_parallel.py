"""Parallel text: lines stay side by side, and what would shift them is refused with its place."""

from pathlib import Path

import pytest

from practicum.data.parallel import (
    SentencePair,
    TokenPair,
    encode_pairs,
    read_pairs,
    split_pairs,
    table_pairs,
)
from practicum.errors import DataError, UnknownName
from practicum.tokenizers.bytes import ByteTokenizer


@pytest.fixture
def files(tmp_path: Path):
    def write(source: bytes, target: bytes) -> tuple[Path, Path]:
        paths = tmp_path / "text.en", tmp_path / "text.de"
        for path, content in zip(paths, (source, target), strict=True):
            path.write_bytes(content)
        return paths

    return write


def test_lines_stand_side_by_side(files):
    source, target = files(b"a cat\nthe dog\n", "eine Katze\nder Hünd".encode())
    expected = (SentencePair("a cat", "eine Katze"), SentencePair("the dog", "der Hünd"))
    assert read_pairs(source, target) == expected
    assert read_pairs(str(source), str(target)) == expected


def test_a_line_ends_at_a_line_end_alone(files):
    # a mark of byte order, line ends of Windows, a separator that str.splitlines would cut at
    pairs = read_pairs(
        *files(b"\xef\xbb\xbfone\r\ntwo\r\n", "eins\u2028zwei\x85\ndrei \n".encode())
    )
    assert pairs == (SentencePair("one", "eins\u2028zwei"), SentencePair("two", "drei"))


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        (b"a\nb\nc\n", b"a\nb\n", r"text.en has 3 lines and .*text.de has 2; expected a line"),
        (b"a\nb\n", b"a\nb\n\n", r"has 2 lines and .*text.de has 3"),
        (b"a\n\nc\n", b"a\nb\nc\n", r"text.en line 2 is empty; remove such lines from both"),
        (b"a\nb\nc\n", b"a\n \t\n\n", r"text.de line 2 is empty \(and 1 more\)"),
        (b"\n", b"\n", r"text.en line 1 is empty"),
        (b"", b"", r"are empty; expected a sentence a line"),
        (b"a\nb\n", b"a\nf\xfcr\n", r"text.de line 2 is not UTF-8 \(byte 2 is 0xfc\); convert it"),
        ("a\n".encode("utf-16"), b"a\n", r"text.en is UTF-16; convert it"),
        (b"a\n", b"a\0\n", r"text.de has zero bytes"),
    ],
)
def test_what_would_shift_the_lines_is_refused_with_its_place(files, source, target, message):
    with pytest.raises(DataError, match=message):
        read_pairs(*files(source, target))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DataError, match=r"cannot read .*absent.en \(No such file"):
        read_pairs(tmp_path / "absent.en", tmp_path / "absent.de")


def numbered(count: int) -> list[SentencePair]:
    return [SentencePair(f"sentence {i}", f"Satz {i}") for i in range(count)]


def test_a_pair_keeps_its_side_when_others_come_or_move():
    few, many = split_pairs(numbered(300), 0.1), split_pairs(numbered(900)[::-1], 0.1)
    assert set(few.train) <= set(many.train)
    assert set(few.held_out) <= set(many.held_out)
    assert len(few.train) + len(few.held_out) == 300
    assert 0.06 < len(many.held_out) / 900 < 0.14
    assert list(few.train) == [pair for pair in numbered(300) if pair in set(few.train)]


def test_a_source_sentence_is_on_one_side_whatever_its_translation():
    twice = [*numbered(100), *(SentencePair(source, "anders") for source, _ in numbered(100))]
    sides = split_pairs(twice, 0.2)
    assert not {pair.source for pair in sides.train} & {pair.source for pair in sides.held_out}
    assert len(sides.train) + len(sides.held_out) == 200


def test_an_empty_side_is_refused():
    with pytest.raises(DataError, match="1 pairs .* leave the side of (training|measuring) empty"):
        split_pairs(numbered(1), 0.5)
    with pytest.raises(DataError, match="expected a number between 0 and 1"):
        split_pairs(numbered(9), 1.0)


def test_both_sides_are_encoded():
    tokenizer = ByteTokenizer()
    pairs = encode_pairs([SentencePair("ab", "ü")], tokenizer, tokenizer)
    assert pairs == (TokenPair((97, 98), (0xC3, 0xBC)),)


def test_columns_of_a_table_stand_side_by_side(tmp_path):
    place = tmp_path / "t.csv"
    place.write_text("n,says,other\n1,one,x\n2.5,two and a half,y\n")
    pairs = table_pairs(place, source="n", target="says", prefix="name: ")
    assert pairs == (("name: 1", "one"), ("name: 2.5", "two and a half"))
    place.write_text("n,says\n1,one\n2,\n")
    with pytest.raises(DataError, match="says is empty in row 3"):
        table_pairs(place, source="n", target="says")
    with pytest.raises(UnknownName, match="column"):
        table_pairs(place, source="m", target="says")
