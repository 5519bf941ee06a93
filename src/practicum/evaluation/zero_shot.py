"""A task without training: the user's questions, a model, and how much of them it had read before.

The task is put as text and the answer is the candidate that makes the likeliest text (Radford et
al. 2019, §3). Where the training text is given, the share of the questions' 8-grams found in it
stands beside the accuracy.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from practicum.errors import DataError
from practicum.evaluation.bits import Written
from practicum.evaluation.choice import Judgement, Question, Scoring, accuracy, judge
from practicum.evaluation.contamination import Overlap, SeenText
from practicum.evaluation.scorer import Scorer


@dataclass(frozen=True, kw_only=True)
class ZeroShot:
    """The result: every option's log-probability, and what they add up to."""

    judgements: tuple[Judgement, ...]
    accuracy: float | None  # in [0, 1]; None where no answer is known
    guessing: float  # the accuracy expected of a blind guess
    contamination: Overlap | None  # None where no training text was given


def zero_shot(
    scorer: Scorer,
    questions: Sequence[Question],
    *,
    scoring: Scoring | None = None,
    training_text: Iterable[Written | str] | None = None,
) -> ZeroShot:
    """`questions` judged by `scorer`. Raises DataError when there are none."""
    if not questions:
        raise DataError("there are no questions to answer")
    judgements = judge(scorer, questions, scoring)
    known = any(judgement.correct is not None for judgement in judgements)
    overlap = None
    if training_text is not None:
        overlap = SeenText(training_text).overlap(_as_read(question) for question in questions)
    return ZeroShot(
        judgements=tuple(judgements),
        accuracy=accuracy(judgements) if known else None,
        guessing=sum(1 / len(question.candidates) for question in questions) / len(questions),
        contamination=overlap,
    )


def _as_read(question: Question) -> str:
    """The question with its right answer where that is known: the text whose recall would cheat."""
    answer = "" if question.answer is None else question.candidates[question.answer]
    return question.prefix + answer + question.rest
