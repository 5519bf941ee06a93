"""Functions of a file, methods and inner ones too, and docstrings put among them."""

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from practicum.data.described_functions import (
    QUOTES,
    described_functions,
    quoted,
    unquoted,
    with_docstrings,
)
from practicum.data.standard_library import python_source
from practicum.errors import DataError

TEXT = '''\
"""A module."""


class Heap:
    """A class."""

    @property
    def least(
        self,
    ) -> "int":  # a remark
        # the first
        return self.items[0]

    def push(self, item):
        r"""Old \\words.

        More words.
        """  # noqa
        def grow():
            return self.items.append(item)

        grow()


async def far(x=lambda: 1):
\treturn x


def line(x): return x


def bare():
    """Nothing but words."""


def crowded():
    "words"; return 1


if far:
    def branch():

        return """
text at the margin"""
'''


def test_every_function_with_a_body_of_its_own_is_found():
    found = described_functions(TEXT)
    names = ["Heap.least", "Heap.push", "Heap.push.grow", "far", "branch"]
    assert [one.name for one in found] == names
    lines = TEXT.splitlines()
    assert all(f"def {one.name.split('.')[-1]}(" in lines[one.line - 1] for one in found)


def test_a_method_moves_to_the_margin():
    least, push, *_ = described_functions(TEXT)
    assert least.signature.splitlines()[0] == "@property"
    assert least.signature.endswith('\n) -> "int":  # a remark\n')
    assert least.body == "    # the first\n    return self.items[0]\n"
    assert least.docstring is None
    assert least.prompt == least.signature + least.body + f"    {QUOTES}"
    assert push.docstring == "Old \\words.\n\nMore words."
    answer = f"Old \\\\words.\n\n    More words.\n    {QUOTES}\n"
    assert push.words_from_code == (push.prompt, answer)


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_docstrings_are_put_in_and_read_again(line_end: str):
    text = TEXT.replace("\n", line_end)
    said = {one: f"Says {one.name}.\n\n  More\\n." for one in described_functions(text)}
    changed = with_docstrings(text, said)
    again = described_functions(changed)
    assert [one.docstring for one in again] == [f"Says {one.name}.\n\nMore\\n." for one in said]
    assert [one.body for one in again if "." not in one.name] == [
        one.body for one in said if "." not in one.name
    ]
    assert f"        {QUOTES}  # noqa{line_end}" in changed
    assert f"\t{QUOTES}Says far.{line_end}" in changed
    assert changed.count("\n") == changed.count(line_end)
    kept = [line for line in text.split(line_end) if "words" not in line and QUOTES not in line]
    assert [line for line in kept if line not in changed] == []


def test_nothing_is_said_and_nothing_changes():
    assert with_docstrings(TEXT, {}) == TEXT


def test_what_would_change_more_than_docstrings_is_refused():
    least, *_ = described_functions(TEXT)
    with pytest.raises(DataError, match="more than docstrings would change"):
        with_docstrings(TEXT, {least: "zero \0 byte"})
    (of_another_text,) = described_functions("def f():\n    return 1\n")
    with pytest.raises(DataError, match="more than docstrings would change"):
        with_docstrings(TEXT, {of_another_text: "Once."})


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=200))
def test_any_words_are_read_as_they_were_written(words: str):
    source = quoted(words, "    ")
    read = ast.get_docstring(ast.parse("def f():\n" + source + "    return 1\n").body[0])  # type: ignore[arg-type]
    assert read is not None
    assert read.split() == words.split()
    assert unquoted(source.strip()[len(QUOTES) : -len(QUOTES)]).split() == words.split()


def test_a_long_line_is_broken_and_an_address_is_not():
    address = "https://" + "x" * 100
    lines = quoted(f"{'word ' * 40}{address} end", "    ").splitlines()
    assert all(len(line) <= 92 or address in line for line in lines)
    assert address in "\n".join(lines)


def test_source_that_no_quotes_hold_is_taken_as_words():
    assert unquoted("ends in a stroke \\") == "ends in a stroke \\"
    assert unquoted("a\\tb\n\n    c\n    ") == "a       b\n\nc"


def test_real_modules_keep_everything_but_their_docstrings():
    few = [d for d in python_source().documents if d.id in ("textwrap.py", "heapq.py", "glob.py")]
    for document in few:
        said = {one: f"Says {one.name}." for one in described_functions(document.text)}
        changed = with_docstrings(document.text, said)
        again = described_functions(changed)
        assert {one.name: one.docstring for one in again}.items() == {
            one.name: f"Says {one.name}." for one in said
        }.items()


def test_a_long_chain_of_branches_is_read():
    chain = "if a == 0:\n    pass\n" + "".join(f"elif a == {i}:\n    pass\n" for i in range(1, 400))
    assert [f.name for f in described_functions(chain + "def f():\n    return 1\n")] == ["f"]
