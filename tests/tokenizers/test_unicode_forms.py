"""Normal forms: one for several, and where what is written anew comes from."""

import sys
import unicodedata
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizer_kinds import patient

from practicum.errors import TokenizerError
from practicum.tokenizers.unicode_forms import FORMS, _begins, aligned, check_form, in_turn

ODD = "e\u0301\u0323a\u0308ﬁ①各각\u1100\u1161\u11a8\uff76\uff9e\u212b\u09c7\u09be\u0344…x "
TEXTS = st.text(st.sampled_from(ODD) | st.characters(exclude_categories=["Cs"]))
every = pytest.mark.parametrize("form", FORMS)


@every
@patient
@given(text=TEXTS)
def test_the_text_is_normalised_and_every_byte_has_a_place(form, text: str) -> None:
    written, places = aligned(text, form)
    assert written == unicodedata.normalize(form, text)
    assert len(places) == len(written.encode()) + 1
    assert [0, *places] == sorted([0, *places])
    assert places[-1] == len(text.encode())


def test_what_is_written_anew_comes_from_where_it_began() -> None:
    assert aligned("ae\u0301b", "NFC") == ("aéb", [0, 1, 1, 4, 5])
    assert list(aligned("aéb", "NFC")[1]) == list(aligned("aéb", None)[1]) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("form", ["NFC", "NFKC"])
def test_marks_stay_with_what_they_belong_to(form) -> None:
    characters = [chr(n) for n in range(sys.maxunicode + 1) if not 0xD800 <= n <= 0xDFFF]
    apart = {c: unicodedata.normalize("NFKD", c) for c in characters}
    composed = [c for c in characters if apart[c] != c]
    marks = [c for c in characters if unicodedata.combining(c)]
    text = "".join(apart[c] + c for c in sorted(composed[::7] + marks))
    assert aligned(text, form)[0] == unicodedata.normalize(form, text)
    joined = {c for one in composed for c in unicodedata.normalize("NFD", one)[1:]}
    assert not any(_begins(c, form) for c in joined | set(marks))


@patient
@given(text=TEXTS)
def test_forms_in_turn_are_one(text: str) -> None:
    for first, second in product(FORMS, repeat=2):
        both = unicodedata.normalize(second, unicodedata.normalize(first, text))
        assert unicodedata.normalize(in_turn([first, second]), text) == both


def test_no_form_is_none_and_another_name_is_refused() -> None:
    assert in_turn([]) is None
    check_form(None)
    with pytest.raises(TokenizerError, match="'NFX' is no normal form of Unicode; expected NFC"):
        check_form("NFX")
