"""Pharaoh's format: what is written is read, and a wrong line is named."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from practicum.data.word_links import Link, Links, from_pharaoh, read_links, to_pharaoh
from practicum.errors import DataError

places = st.frozensets(st.builds(Link, st.integers(0, 30), st.integers(0, 30)), max_size=12)


@given(places, places)
def test_a_line_is_read_as_it_was_written(sure, possible):
    possible -= sure
    assert from_pharaoh(to_pharaoh(sure, possible)) == Links(sure=sure, possible=possible)


def test_a_file_is_read_line_by_line_and_a_wrong_line_is_named(tmp_path: Path):
    file = tmp_path / "gold.txt"
    file.write_text("0-0 2?1\n\n1-1 1-1\n")
    one, none, twice = read_links(file)
    assert one == Links(sure=frozenset({Link(0, 0)}), possible=frozenset({Link(2, 1)}))
    assert (none.sure, twice.sure) == (frozenset(), {Link(1, 1)})
    file.write_text("0-0\n1:1\n")
    with pytest.raises(DataError, match=r"gold.txt line 2: '1:1' is no link"):
        read_links(file)
