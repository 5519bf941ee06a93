"""Bibles are parsed, never imported; their verses correspond."""

from pathlib import Path

import pytest

from practicum.data.corpora import corpus
from practicum.data.fetch import ensure, locate
from practicum.data.scripture import chapters, verses
from practicum.errors import DataError

MODULE = '''
raise SystemExit("a bible was imported")
bible = Bible(
    Version.TESTS,
    """In [the] beginning.  And   then,
the end.      BOOK I   Psalm 2  A heading.He said, `Yes.`""",
    {1001001: 0, 1001002: 19, 11002003: 75},
    {1001001: 19, 1001002: 76, 11002003: 91},
    {%s},
    {}, True,
)
'''


@pytest.fixture
def bible(tmp_path: Path) -> Path:
    books = ["GENESIS", *(f"BOOK{i}" for i in range(2, 11)), "KINGS_1"]
    path = tmp_path / "bible.py"
    path.write_text(MODULE % ", ".join(f'Book.{book}: ""' for book in books))
    return path


def test_verses_are_running_text(bible: Path):
    assert verses(bible) == {
        1001001: "In the beginning.",
        1001002: "And then, the end.",
        11002003: "He said, 'Yes.'",
    }


def test_chapters_are_documents(bible: Path):
    documents = chapters("kjv", bible).documents
    assert [(d.id, d.text) for d in documents] == [
        ("scripture:genesis 1", "In the beginning.\nAnd then, the end.\n"),
        ("scripture:1 kings 2", "He said, 'Yes.'\n"),
    ]


@pytest.mark.parametrize("text", ["", "x = 1", "bible = Bible()", "bible = (", "Bible('', {}, {})"])
def test_another_module_is_no_bible(tmp_path: Path, text: str):
    (tmp_path / "other.py").write_text(text)
    with pytest.raises(DataError, match="not a bible"):
        verses(tmp_path / "other.py")


def test_two_versions_have_the_same_chapters_and_the_same_split():
    for name in ("kjv", "web"):
        if locate(name) is None:
            pytest.skip(f"{name} is not on this machine: practicum data add {name}")
    kjv, web = corpus("kjv"), corpus("web")
    assert len(kjv.documents) == 1189
    assert [d.id for d in kjv.documents] == [d.id for d in web.documents]
    assert [d.id for d in kjv.held_out] == [d.id for d in web.held_out]
    pairs = [verses(ensure(name)) for name in ("kjv", "web")]
    assert [len(pair) for pair in pairs] == [31_102, 31_102]
    assert sorted(pairs[0].keys() - pairs[1].keys()) == [45016025, 45016026, 45016027]
    assert [pair[43011035] for pair in pairs] == ["Jesus wept.", "Jesus wept."]
    assert pairs[1][18042017] == "So Job died, being old and full of days."
    assert not any(character in text for text in pairs[0].values() for character in "[]`")
