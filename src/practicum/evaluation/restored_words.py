"""How many of the words that a text had lost an answer gives back, at their places."""

from collections.abc import Sequence

from practicum.errors import DataError


def restored_words(gapped: Sequence[str], answers: Sequence[str], whole: Sequence[str]) -> float:
    """The share, 0 to 1, of the words missing in `gapped` texts that stand in their `answers`.

    Answer and whole text are compared by the longest row of words that both have in this order;
    what it has more than the gapped text are words given back. An answer that gets others wrong
    instead has given back so many fewer, and never less than none. Words end at white space.

    Raises DataError where the numbers of texts differ, or no word is missing.
    """
    if not len(gapped) == len(answers) == len(whole):
        raise DataError(
            f"{len(gapped):,} gapped texts, {len(answers):,} answers and {len(whole):,} whole "
            "texts; expected one of each"
        )
    rows = [[text.split() for text in three] for three in zip(gapped, answers, whole, strict=True)]
    missing = sum(len(right) - len(left) for left, _, right in rows)
    if missing < 1:
        raise DataError("no word is missing in these texts; drop some")
    back = [max(0, common_words(said, right) - len(left)) for left, said, right in rows]
    return sum(back) / missing


def common_words(one: Sequence[str], other: Sequence[str]) -> int:
    """The length of the longest row of words that both have in their order, gaps allowed."""
    before = [0] * (len(other) + 1)
    for word in one:
        row = [0]
        for place, right in enumerate(other):
            row.append(before[place] + 1 if word == right else max(row[-1], before[place + 1]))
        before = row
    return before[-1]
