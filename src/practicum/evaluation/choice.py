"""Zero-shot choice: each candidate is scored by the likelihood of a text that contains it.

Three ways to score, each a value:
- `Whole`: log P(candidate · rest | prefix), which for a cloze is P(candidate) · P(rest | candidate)
  (Radford et al. 2019, §3.2, Children's Book Test); without a rest it is the candidate's own.
- `PerByte`: the same divided by the bytes scored, so that long candidates are not at a loss.
- `Partial`: log P(rest | prefix · candidate), the candidate itself left out (Trinh & Le 2018, §3;
  Winograd schemas).

White space at the end of a prefix goes over to what is scored: tokenizers keep a space with the
word behind it, and a prompt that ends in a space is one that no model has seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from practicum.errors import DataError
from practicum.evaluation.scorer import Scorer


@dataclass(frozen=True, kw_only=True)
class Question:
    """`prefix` + one of `candidates` + `rest`; `answer` is the index of the right one, if known."""

    prefix: str
    candidates: tuple[str, ...]
    rest: str = ""
    answer: int | None = None

    def __post_init__(self) -> None:
        if len(self.candidates) < 2 or not all(self.candidates):
            raise DataError(
                f"a question has the candidates {list(self.candidates)!r}; "
                "expected at least two, none of them empty"
            )
        if self.answer is not None and not 0 <= self.answer < len(self.candidates):
            raise DataError(
                f"answer {self.answer} is not one of {len(self.candidates)} candidates, "
                f"which are counted from 0 to {len(self.candidates) - 1}"
            )


@dataclass(frozen=True, kw_only=True)
class Whole:
    """log P(candidate · rest | prefix)."""

    def pair(self, question: Question, candidate: str) -> tuple[str, str]:
        return _seam(question.prefix, candidate + question.rest)

    def value(self, total: float, question: Question, candidate: str) -> float:
        return total


@dataclass(frozen=True, kw_only=True)
class PerByte:
    """log P(candidate · rest | prefix) divided by the bytes of candidate and rest."""

    def pair(self, question: Question, candidate: str) -> tuple[str, str]:
        return _seam(question.prefix, candidate + question.rest)

    def value(self, total: float, question: Question, candidate: str) -> float:
        return total / len((candidate + question.rest).encode())


@dataclass(frozen=True, kw_only=True)
class Partial:
    """log P(rest | prefix · candidate)."""

    def pair(self, question: Question, candidate: str) -> tuple[str, str]:
        if not question.rest.strip():
            raise DataError(
                "partial scoring needs a text after the candidate and this question has none: "
                f"'{question.prefix[-40:]}'; give a rest or score the whole"
            )
        return _seam(question.prefix + candidate, question.rest)

    def value(self, total: float, question: Question, candidate: str) -> float:
        return total


Scoring = Whole | PerByte | Partial


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What a model makes of one question."""

    question: Question
    scores: tuple[float, ...]  # one per candidate, in nats (per byte where so scored)

    @property
    def choice(self) -> int:
        """The best-scoring candidate; of equals the first."""
        return self.scores.index(max(self.scores))

    @property
    def correct(self) -> bool | None:
        """None where the answer is not known."""
        return None if self.question.answer is None else self.choice == self.question.answer


def judge(
    scorer: Scorer, questions: Sequence[Question], scoring: Scoring | None = None
) -> list[Judgement]:
    """Every candidate of every question scored, by the whole unless said otherwise."""
    scoring = scoring or Whole()
    pairs = [scoring.pair(q, candidate) for q in questions for candidate in q.candidates]
    totals = iter([likelihood.total for likelihood in scorer.loglikelihood(pairs)])
    return [
        Judgement(question=q, scores=tuple(scoring.value(next(totals), q, c) for c in q.candidates))
        for q in questions
    ]


def accuracy(judgements: Sequence[Judgement]) -> float:
    """The share of right choices among the questions whose answer is known.

    Raises DataError when no answer is known.
    """
    verdicts = [j.correct for j in judgements if j.correct is not None]
    if not verdicts:
        raise DataError("no question has an answer, so there is no accuracy; give an answer column")
    return sum(verdicts) / len(verdicts)


def _seam(before: str, scored: str) -> tuple[str, str]:
    stripped = before.rstrip()
    return stripped, before[len(stripped) :] + scored
