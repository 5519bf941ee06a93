"""Pieces of filtered files, in an order of the seed."""

import pytest

from practicum.data.code_filters import FileFilters
from practicum.data.corpora import corpus
from practicum.data.filtered_python import filtered_python
from practicum.errors import DataError


def size(documents) -> int:
    return sum(len(one.text.encode()) for one in documents)


def test_about_as_many_bytes_come_as_were_asked_for():
    pieces = filtered_python(FileFilters(), 60_000, seed=1)
    assert 60_000 <= size(pieces) < 70_000
    assert max(len(one.text) for one in pieces) < 3 * 4096


def test_the_seed_decides_which_and_nothing_else():
    first, again, other = (filtered_python(FileFilters(), 30_000, seed=s) for s in (1, 1, 2))
    assert first == again
    assert {one.id for one in first} != {one.id for one in other}


def test_what_the_filters_drop_is_not_there():
    usual, strict = FileFilters(), FileFilters(average_line=34)
    files = {piece.id.partition("#")[0] for piece in filtered_python(strict, 200_000, seed=3)}
    texts = {one.id: one.text for one in corpus("python").documents}
    assert all(strict.reason(texts[name]) is None for name in files)
    drawn = {piece.id.partition("#")[0] for piece in filtered_python(usual, 200_000, seed=3)}
    assert any(strict.reason(texts[name]) == "long lines" for name in drawn)


def test_filters_that_drop_everything_are_refused():
    with pytest.raises(DataError, match="drop all .* loosen them"):
        filtered_python(FileFilters(average_line=1), 1000, seed=0)


def test_files_are_drawn_until_one_passes():
    strict = FileFilters(average_line=34)
    assert all(filtered_python(strict, 1000, seed=seed) for seed in range(12))
