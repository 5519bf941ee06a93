"""Few-shot prompts of a user's labelled rows, and what the examples are worth.

    prompt = task · example₁ · … · example_K · question,   example = prefix · right candidate · rest

(Brown et al. 2020, §2.4 and App. G). K examples are drawn at random, several times over: how much
an accuracy owes to which ones were drawn is the interval over those draws. The examples for a
smaller K are the first ones of those for a larger, and no example is a row that is asked. Two
numbers stand beside the accuracy:

- with wrong labels: after the same examples, each with a candidate that is not its answer. What is
  left of the gain over K = 0 comes from their form and not from what they say (Min et al. 2022).
- calibrated: by log P(candidate | examples, question) − log P(candidate | examples, neutral), with
  a question that says nothing for `neutral`, so that what is likely anyway has no advantage.
  Without examples this is the paper's P(completion | context) / P(completion | "Answer: ").
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from practicum.errors import ConfigError, DataError
from practicum.evaluation.choice import Judgement, PerByte, Question, Scoring, accuracy, judge
from practicum.evaluation.scorer import Scorer
from practicum.lab.intervals import t_interval
from practicum.seeding import derive

Order = Literal["drawn", "reversed", "by label"]


@dataclass(frozen=True, kw_only=True)
class Manner:
    """How examples are drawn and laid out."""

    shots: tuple[int, ...] = (0, 1, 4, 8)
    draws: int = 5  # of the examples; without examples there is one prompt
    order: Order = "drawn"
    task: str = ""  # stands before the examples
    between: str = "\n"  # parts of a prompt
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.shots or min(self.shots) < 0 or len(set(self.shots)) != len(self.shots):
            raise ConfigError(f"shots are {self.shots}; expected different numbers from 0 on")
        if self.draws < 1 or not self.between:
            raise ConfigError(
                f"{self.draws} draws with {self.between!r} between examples; expected 1 draw or "
                "more, and some text between"
            )


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """What stands before every question: the task and the examples."""

    shots: int
    draw: int
    labels: Literal["right", "wrong"]
    head: str

    def before(self, question: Question, prefix: str | None = None) -> Question:
        """The question behind the examples, or `prefix` in its place."""
        return replace(question, prefix=self.head + (question.prefix if prefix is None else prefix))


@dataclass(frozen=True, kw_only=True)
class Room:
    """How much a model reads at once, so that no example is cut off without a word."""

    context: int  # tokens
    count: Callable[[str], int]  # tokens of a text

    def check(self, prompt: Prompt, questions: Sequence[Question]) -> None:
        """Raises DataError where a prompt with a candidate is longer than the context."""
        longest = max(
            self.count(q.prefix + candidate + q.rest)
            for q in map(prompt.before, questions)
            for candidate in q.candidates
        )
        if longest > self.context:
            raise DataError(
                f"with {prompt.shots} examples the longest prompt has {longest} tokens and the "
                f"model reads {self.context}; take fewer examples, or shorter ones"
            )


@dataclass(frozen=True, kw_only=True)
class Shots:
    """What so many examples are worth: accuracies in [0, 1], one for every draw."""

    shots: int
    right: tuple[float, ...]
    wrong: tuple[float, ...]  # with wrong labels; empty without examples
    calibrated: tuple[float, ...]  # empty where nothing is neutral

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 % around the mean over draws (Student); None for a single draw."""
        return t_interval(self.right)


def few_shot(
    scorer: Scorer,
    examples: Sequence[Question],
    asked: Sequence[Question],
    manner: Manner | None = None,
    *,
    neutral: str | None = None,
    scoring: Scoring | None = None,
    room: Room | None = None,
) -> list[Shots]:
    """Accuracy on `asked` for every number of shots, by the likelihood per byte unless said.

    `neutral` is the prefix of a question without content. Raises DataError as `prompts` and `Room`
    do, and where no answer is known.
    """
    manner, scoring = manner or Manner(), scoring or PerByte()
    found: dict[int, dict[str, list[float]]] = {shots: {} for shots in manner.shots}
    for prompt in prompts(examples, asked, manner):
        if room is not None:
            room.check(prompt, asked)
        judged = judge(scorer, list(map(prompt.before, asked)), scoring)
        found[prompt.shots].setdefault(prompt.labels, []).append(accuracy(judged))
        if neutral is not None and prompt.labels == "right":
            bare = [replace(prompt.before(question, neutral), answer=None) for question in asked]
            alone = list(dict.fromkeys(bare))  # most often one for all
            known = dict(zip(alone, judge(scorer, alone, scoring), strict=True))
            above = [_above(one, known[base]) for one, base in zip(judged, bare, strict=True)]
            found[prompt.shots].setdefault("calibrated", []).append(accuracy(above))
    kinds = ("right", "wrong", "calibrated")
    return [
        Shots(shots=shots, **{kind: tuple(numbers.get(kind, ())) for kind in kinds})
        for shots, numbers in found.items()
    ]


def prompts(
    examples: Sequence[Question], asked: Sequence[Question], manner: Manner
) -> Iterator[Prompt]:
    """Every prompt, by shots and draws; with examples, one with wrong labels follows each.

    Raises DataError where `examples` without those that are asked are fewer than the shots, or one
    of them has no answer.
    """
    secret = {(question.prefix, question.rest) for question in asked}
    pool = [example for example in examples if (example.prefix, example.rest) not in secret]
    most = max(manner.shots)
    if len(pool) < most:
        raise DataError(
            f"{len(pool)} examples that are not asked, and {most} are to be shown; give more rows "
            "of examples, or ask fewer"
        )
    for shots in manner.shots:
        for draw in range(manner.draws if shots else 1):
            rng = np.random.default_rng(derive(manner.seed, "examples", draw))
            chosen = [pool[place] for place in rng.permutation(len(pool))[:most].tolist()]
            labels = [(_answer(one), _another(one, rng)) for one in chosen]
            shown = _ordered(list(zip(chosen, labels, strict=True))[:shots], manner.order)
            for which, kind in enumerate(("right", "wrong") if shots else ("right",)):
                told = [_told(example, answers[which]) for example, answers in shown]
                parts = [manner.task] * bool(manner.task) + told
                head = "".join(part + manner.between for part in parts)
                yield Prompt(shots=shots, draw=draw, labels=kind, head=head)


def apart(
    questions: Sequence[Question], asked: int, *, seed: int
) -> tuple[list[Question], list[Question]]:
    """Rows to draw examples from, and `asked` rows to ask. Raises DataError where none are left."""
    if not 1 <= asked < len(questions):
        raise DataError(
            f"{asked} of {len(questions)} rows to ask; expected at least 1, and some left over as "
            "examples"
        )
    order = np.random.default_rng(derive(seed, "asked")).permutation(len(questions)).tolist()
    return [questions[i] for i in order[asked:]], [questions[i] for i in order[:asked]]


def _answer(example: Question) -> int:
    if example.answer is None:
        raise DataError(f"the example '{example.prefix[-40:]}' has no answer; give it one")
    return example.answer


def _another(example: Question, rng: np.random.Generator) -> int:
    """The index of a candidate that is not the answer."""
    return (_answer(example) + int(rng.integers(1, len(example.candidates)))) % len(
        example.candidates
    )


def _ordered(
    shown: list[tuple[Question, tuple[int, int]]], order: Order
) -> list[tuple[Question, tuple[int, int]]]:
    if order == "reversed":
        return shown[::-1]
    if order == "by label":
        return sorted(shown, key=lambda one: one[0].candidates[one[1][0]])
    return shown


def _told(example: Question, answer: int) -> str:
    return example.prefix + example.candidates[answer] + example.rest


def _above(judged: Judgement, base: Judgement) -> Judgement:
    """By how much each candidate is likelier than without the question."""
    gains = (one - other for one, other in zip(judged.scores, base.scores, strict=True))
    return replace(judged, scores=tuple(gains))
