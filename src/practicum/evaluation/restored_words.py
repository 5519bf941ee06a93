"""How many of the words that a text had lost an answer names, in their order."""

from collections.abc import Sequence

from practicum.errors import DataError


def restored_words(answers: Sequence[str], missing: Sequence[str]) -> float:
    """The share, 0 to 1, of the `missing` words of all texts that stand in their answers.

    Counted is the longest row of words that an answer and the missing words both have in this
    order, so none counts twice, and words too many cost nothing. Words end at white space.

    Raises DataError where the numbers of texts differ, or no word is missing.
    """
    if len(answers) != len(missing):
        raise DataError(
            f"{len(answers):,} answers and the missing words of {len(missing):,} texts; expected "
            "one for each"
        )
    wanted = [words.split() for words in missing]
    if not any(wanted):
        raise DataError("no word is missing in these texts; drop some")
    pairs = zip(answers, wanted, strict=True)
    return sum(common_words(answer.split(), words) for answer, words in pairs) / sum(
        map(len, wanted)
    )


def common_words(one: Sequence[str], other: Sequence[str]) -> int:
    """The length of the longest row of words that both have in their order, gaps allowed."""
    before = [0] * (len(other) + 1)
    for word in one:
        row = [0]
        for place, right in enumerate(other):
            row.append(before[place] + 1 if word == right else max(row[-1], before[place + 1]))
        before = row
    return before[-1]
