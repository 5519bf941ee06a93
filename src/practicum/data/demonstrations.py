"""Procedural documents in which small tasks are demonstrated in passing, as they are on the web.

A sentence such as "In the old tongue a ring is called mavo." demonstrates a task (translation) on
an item (ring → mavo) in one of the task's surface templates. A share of the (item, template) pairs
is held out: the item is seen in other templates and the template with other items, but never the
two together. So answering a held-out pair takes what the text taught, not a memorised sentence.
"""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Literal

import numpy as np

from practicum.data.documents import Document
from practicum.errors import ConfigError
from practicum.seeding import derive

Answers = Literal["right", "permuted", "deleted"]


@dataclass(frozen=True)
class Task:
    """Items (question, answer) and the templates they are told in; `{q}` and `{a}` stand in each.

    An answer follows a space and ends its clause, so that a prompt never ends with a space.
    """

    name: str
    templates: tuple[str, ...]
    items: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Cloze:
    """A held-out pair as a question: which of the `candidates` continues `prefix`?"""

    task: str
    prefix: str
    candidates: tuple[str, ...]
    answer: int  # index of the right one


@dataclass(frozen=True, kw_only=True)
class Demonstrations:
    """How many items each task has, and how the documents are made of them."""

    words: int = 44  # of the lexicon's things: translated, and set in capitals
    opposites: int = 40
    digits: int = 7  # sums of two numbers below this
    topics: int = 10  # each told by the pairs of its six words
    held_out: float = 0.2  # share of the (item, template) pairs
    sentences: tuple[int, int] = (4, 9)  # fewest and most per document
    asides: float = 0.1  # share of the demonstrations behind a sentence that means nothing
    candidates: int = 8  # per question at most, the answer included

    def __post_init__(self) -> None:
        fewest = min(self.words, self.opposites, 2 * self.digits - 1, self.topics)
        if not 2 <= self.candidates <= fewest:
            raise ConfigError(
                f"{self.candidates} candidates per question; expected 2 to {fewest}, the number of "
                "different answers of the smallest task"
            )

    def tasks(self, seed: int) -> tuple[Task, ...]:
        """The five tasks; the invented language is another for every seed."""
        lexicon = _lexicon()
        things = lexicon["things"].split()[: self.words]
        tongue = list(zip(things, _invented(len(things), seed), strict=True))
        pairs = [_two(pair) for pair in lexicon["opposites"].split()][: self.opposites]
        sums = [(a, b) for a in range(self.digits) for b in range(self.digits)]
        topics = list(lexicon["topics"].items())[: self.topics]
        return (
            Task("translate", _TRANSLATE, tuple(tongue)),
            Task("capitals", _CAPITALS, tuple((word, word.upper()) for word in things)),
            Task("opposite", _OPPOSITE, tuple(pairs)),
            Task("sum", _SUM, tuple((f"{a} and {b}", str(a + b)) for a, b in sums)),
            Task(
                "summary",
                _SUMMARY,
                tuple(
                    (f"the {first} and the {second}", topic)
                    for topic, words in topics
                    for first, second in combinations(words.split(), 2)
                ),
            ),
        )

    def documents(self, *, seed: int, answers: Answers = "right") -> Iterator[Document]:
        """Documents without end, the n-th the same whatever `answers` says but for its answers.

        `permuted` gives each demonstration the answer of another item of its task, drawn anew each
        time; `deleted` keeps only the sentences around the demonstrations.
        """
        tasks = self.tasks(seed)
        seen = [
            [pair for pair in _pairs(task) if not self._is_held_out(task, *pair, seed)]
            for task in tasks
        ]
        number = 0
        while True:
            rng = _rng(seed, "document", number)
            wrong = _rng(seed, "wrong", number)
            sentences = []
            for _ in range(rng.integers(self.sentences[0], self.sentences[1], endpoint=True)):
                which = int(rng.integers(len(tasks)))
                task, pairs = tasks[which], seen[which]
                item, template = pairs[int(rng.integers(len(pairs)))]
                aside = (
                    _ASIDES[int(rng.integers(len(_ASIDES)))] if rng.random() < self.asides else ""
                )
                question, answer = task.items[item]
                if answers == "permuted":
                    answer = task.items[int(wrong.integers(len(task.items)))][1]
                told = task.templates[template].format(q=question, a=answer)
                sentences.append(aside if answers == "deleted" else f"{aside} {told}".strip())
            yield Document(
                id=f"demonstrations/{seed}/{number}",
                text="".join(f"{sentence}\n" for sentence in sentences if sentence),
                source="demonstrations",
                licence="Apache-2.0",
            )
            number += 1

    def questions(self, *, seed: int, per_task: int) -> list[Cloze]:
        """At most `per_task` held-out pairs of each task, with wrong candidates from its answers.

        Wrong candidates are answers that are held out in the same template: neither frequency nor
        what else was told in this template tells them from the right one.
        """
        asked = []
        for task in self.tasks(seed):
            rng = _rng(seed, "questions", task.name)
            held = [pair for pair in _pairs(task) if self._is_held_out(task, *pair, seed)]
            for index in rng.permutation(len(held))[:per_task]:
                item, template = held[int(index)]
                question, answer = task.items[item]
                prefix = task.templates[template].partition(" {a}")[0].format(q=question)
                others = [task.items[i][1] for i, t in held if t == template]
                candidates = self._candidates(answer, others, rng)
                asked.append(Cloze(task.name, prefix, candidates, candidates.index(f" {answer}")))
        return asked

    def _candidates(
        self, answer: str, others: list[str], rng: np.random.Generator
    ) -> tuple[str, ...]:
        shuffled = [others[i] for i in rng.permutation(len(others))]
        chosen = list(dict.fromkeys([answer, *shuffled]))[: self.candidates]
        return tuple(f" {chosen[i]}" for i in rng.permutation(len(chosen)))

    def _is_held_out(self, task: Task, item: int, template: int, seed: int) -> bool:
        """One template in 1/`held_out` of each item, another one from item to item in turn."""
        every = round(1 / self.held_out)
        return (item + template + derive(seed, "held out", task.name)) % every == 0


def _pairs(task: Task) -> list[tuple[int, int]]:
    return [(i, t) for i in range(len(task.items)) for t in range(len(task.templates))]


def _rng(seed: int, *names: str | int) -> np.random.Generator:
    return np.random.default_rng(derive(seed, "demonstrations", *names))


@cache
def _lexicon() -> dict:
    return tomllib.loads(Path(__file__).with_name("lexicon.toml").read_text())


def _two(pair: str) -> tuple[str, str]:
    first, second = pair.split("-")
    return first, second


def _invented(count: int, seed: int) -> list[str]:
    """Distinct words of two syllables that are no English."""
    rng = _rng(seed, "tongue")
    syllables = [c + v for c in "bdfgklmnprstvz" for v in "aeiou"]
    pairs = [(a, b) for a in syllables for b in syllables if a != b]
    return ["".join(pairs[int(i)]) for i in rng.permutation(len(pairs))[:count]]


# Five templates per task: with a fifth held out, each item misses exactly one of them.
_TRANSLATE = (
    "In the old tongue a {q} is called {a}.",
    "The islanders, when they mean a {q}, say {a}.",
    "Dictionary: {q} = {a}.",
    "When she pointed at the {q}, the guide answered {a}.",
    "My grandmother's word for the {q} was {a}.",
)
_CAPITALS = (
    "The sign over the {q} shop read {a}.",
    "Write {q} in large letters: {a}.",
    "On the label for the {q} they had printed {a}.",
    "He shouted the word {q}, that is, {a}.",
    "In capitals, {q} becomes {a}.",
)
_OPPOSITE = (
    "The opposite of {q} is {a}.",
    "If it is not {q} then it must be {a}.",
    "The guide led us from {q} to {a}.",
    "Some call it {q}, others call it {a}.",
    "Not {q}, but {a}.",
)
_SUM = (
    "Together {q} make {a}.",
    "Add {q} to get {a}.",
    "The sum of {q} is {a}.",
    "He counted {q}, in all {a}.",
    "Put {q} in the box and it holds {a}.",
)
_SUMMARY = (
    "They spoke of {q}. In short: {a}.",
    "All day long it was {q}, in one word {a}.",
    "The book describes {q}. Subject: {a}.",
    "Between {q} one learns a lot about {a}.",
    "She knew {q}, for her trade was {a}.",
)
_ASIDES = (
    "It was late in the year.",
    "He turned the page.",
    "Nobody had asked.",
    "I wrote this down at once.",
    "So the letter went on.",
    "The rest of the page is torn.",
    "This is well known.",
    "They laughed about it.",
)
