"""Pieces of a text, side by side: every byte is shown, and rows are filled as a terminal does."""

from xml.etree import ElementTree

import pytest

from practicum.errors import TokenizerError
from practicum.interpret.token_picture import Box, Piece, boxes, cut, drawing
from practicum.tokenizers.bpe_training import train_bpe
from practicum.tokenizers.bytes import ByteTokenizer

TOKENIZER = train_bpe(["the cat sat on the mat with the hat"], 268)
SVG = "{http://www.w3.org/2000/svg}"


def pieces(*texts: bytes) -> list[Piece]:
    return [Piece(id=n, bytes=text, special=False) for n, text in enumerate(texts)]


def test_pieces_are_the_text():
    one = cut("ours", TOKENIZER, "the cat<|endoftext|> é")
    assert b"".join(piece.bytes for piece in one.pieces).decode() == "the cat<|endoftext|> é"
    assert [piece.id for piece in one.pieces] == TOKENIZER.encode("the cat<|endoftext|> é")
    assert not any(piece.special for piece in one.pieces)
    assert one.summary == f"ours: {len(one.pieces)} tokens, {23 / len(one.pieces):.2f} bytes each"


def test_special_tokens_and_parts_of_characters_are_told():
    one = cut("bytes", ByteTokenizer(), "é<|endoftext|>", specials=True)
    assert [(piece.shown, piece.whole, piece.special) for piece in one.pieces] == [
        ("c3", False, False),
        ("a9", False, False),
        ("<|endoftext|>", True, True),
    ]
    with pytest.raises(TokenizerError, match="special token"):
        cut("bytes", ByteTokenizer(), "é<|endoftext|>", specials="refuse")


def test_rows_are_filled_and_lines_end():
    assert boxes(pieces(b"ab", b"cde", b"\n", b"f"), 4) == [
        Box(0, 0, 0, 2, "ab"),
        Box(1, 0, 2, 2, "cd"),
        Box(1, 1, 0, 1, "e"),
        Box(2, 1, 1, 1, "↵"),
        Box(3, 2, 0, 1, "f"),
    ]


def test_wide_characters_take_two_columns_and_accents_none():
    assert boxes(pieces("日本".encode(), "e\u0301".encode(), b"\xe6\x97"), 3) == [
        Box(0, 0, 0, 2, "日"),
        Box(0, 1, 0, 2, "本"),
        Box(1, 1, 2, 1, "e\u0301"),
        Box(2, 2, 0, 3, "e6 "),
        Box(2, 3, 0, 2, "97"),
    ]


def test_a_drawing_is_an_image_with_every_piece():
    text = 'def f(x):\n\treturn "<b>&é" * 3  # 元始\n'
    cuts = [cut("ours", TOKENIZER, text), cut("bytes", ByteTokenizer(), text)]
    root = ElementTree.fromstring(drawing(cuts, columns=20))
    titles = [title.text for title in root.iter(f"{SVG}title")]
    assert titles == [f"id {piece.id}" for one in cuts for piece in one.pieces]
    assert [t.text for t in root.findall(f"{SVG}text")] == [one.summary for one in cuts]
    assert ElementTree.fromstring(drawing([cut("ours", TOKENIZER, "")])) is not None
