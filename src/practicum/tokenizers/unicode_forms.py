"""Unicode's normal forms (UAX #15): one way to write what can be written in several.

    NFD   letters apart from their marks           NFC   letters joined with their marks
    NFKD  as NFD, and ﬁ as fi, ① as 1 and so on    NFKC  as NFC, and these as well

The forms are those of the Unicode version that Python knows. A character that is younger than the
version of another program is left as it is there.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from typing import Literal, get_args

from practicum.errors import TokenizerError

Form = Literal["NFC", "NFD", "NFKC", "NFKD"]
FORMS: tuple[Form, ...] = get_args(Form)


def in_turn(forms: Sequence[Form]) -> Form | None:
    """The one form that all `forms`, one after another, amount to; None for none.

    The last one says whether marks are joined, and one K is enough (UAX #15, §1.2: stability of
    the forms under one another).
    """
    if not forms:
        return None
    compatible = any("K" in form for form in forms)
    return next(form for form in FORMS if ("K" in form) == compatible and form[-1] == forms[-1][-1])


def check_form(form: str | None) -> None:
    """Raise TokenizerError where `form` is neither a form nor None."""
    if form is not None and form not in FORMS:
        raise TokenizerError(f"{form!r} is no normal form of Unicode; expected {', '.join(FORMS)}")


def aligned(text: str, form: Form | None) -> tuple[str, Sequence[int]]:
    """`text` in a form, and the bytes of `text` where each byte of that, and its end, come from.

    What is written anew comes from where it began, all of it.
    """
    size = len(text.encode())
    if form is None or unicodedata.is_normalized(form, text):
        return text, range(size + 1)
    parts: list[str] = []
    places: list[int] = []
    at = 0
    for run in _runs(text, form):
        parts.append(unicodedata.normalize(form, run))
        taken = len(run.encode())
        if parts[-1] == run:
            places += range(at, at + taken)
        else:
            places += [at] * len(parts[-1].encode())
        at += taken
    return "".join(parts), [*places, size]


def _runs(text: str, form: Form) -> Iterator[str]:
    """`text` in the shortest parts that can be normalised one by one."""
    start = 0
    for place in range(1, len(text)):
        if _begins(text[place], form):
            yield text[start:place]
            start = place
    yield text[start:]


def _begins(character: str, form: Form) -> bool:
    """Whether the character goes together with none before it.

    Those that do are marks, or the vowels and final consonants of Hangul.
    """
    first = unicodedata.normalize("NFKD" if "K" in form else "NFD", character)[0]
    return unicodedata.category(first)[0] != "M" and not "\u1160" <= first <= "\u11ff"
