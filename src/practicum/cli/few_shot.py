"""`practicum few-shot`: what examples in a prompt are worth, on labelled rows of one's own."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any, Literal

import click

from practicum.cli.loading import Speaker
from practicum.cli.options import chosen, explained, options_of
from practicum.cli.render import json_option, print_json, print_table, showing_progress
from practicum.errors import ConfigError

if TYPE_CHECKING:
    from practicum.decoding.language_model import LanguageModel
    from practicum.evaluation.choice import Question
    from practicum.evaluation.few_shot_table import Manner, Shots


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """Which rows are asked, and how columns make a question."""

    asked: str | None = explained(
        None, "Another table of rows to ask. [default: rows of TABLE, which are no examples then]"
    )
    ask: int = explained(100, "How many rows to ask, at most.")
    template: str = explained("{text}", "The text before a label, columns in braces.")
    labels: str | None = explained(None, "All labels, parted by |. [default: TABLE's]")
    candidates: str | None = explained(None, "The column of a row's own labels, if it has such.")
    answer: str = explained("label", "The column of the right one.")
    before: str = explained(" ", "Stands before every label.")
    rest: str = explained("", "Template of the text after a label.")

    def read(self, place: str, table: str) -> "list[Question]":
        """The rows at `place` as questions; their labels are those of `table` unless given."""
        from practicum.evaluation.tables import Layout, labels_of, read_questions

        named = None if self.labels is None else tuple(self.labels.split("|"))
        layout = Layout(
            template=self.template,
            candidates=named or self.candidates or labels_of(table, self.answer),
            answer=self.answer,
            before=self.before,
            rest=self.rest,
        )
        return read_questions(place, layout)

    def sides(self, table: str, seed: int) -> "tuple[list[Question], list[Question]]":
        """Examples to draw from, and what is asked."""
        from practicum.evaluation.few_shot_table import apart

        rows = self.read(table, table)
        if self.asked is None:
            return apart(rows, self.ask if self.ask < len(rows) else len(rows) // 2, seed=seed)
        return rows, self.read(self.asked, table)[: self.ask]


@dataclass(frozen=True, kw_only=True)
class Shown:
    """How examples are drawn and laid out, and how labels are scored."""

    shots: str = explained("0,1,4,8", "Numbers of examples.")
    draws: int = explained(5, "How often examples are drawn.")
    order: Literal["drawn", "reversed", "by label"] = explained("drawn", "Of the examples.")
    task: str = explained("", "A description that stands before the examples.")
    between: str = explained("\n", "Stands between the parts of a prompt.")
    neutral: str | None = explained(
        None, "A question that says nothing, such as 'N/A =>': reports a calibrated accuracy, too."
    )
    scoring: Literal["whole", "per-byte"] = explained("per-byte", "Of a label's likelihood.")
    seed: int = explained(0, "Of the draws.")
    prompts: str | None = explained(None, "Write every prompt to this .jsonl file.")

    def manner(self) -> "Manner":
        """As the library takes it. Raises ConfigError for shots that are no numbers."""
        from practicum.evaluation.few_shot_table import Manner

        parts = [part.strip() for part in self.shots.split(",")]
        if not all(part.isdecimal() for part in parts):
            raise ConfigError(f"--shots is '{self.shots}'; expected numbers such as 0,1,4,8")
        return Manner(
            shots=tuple(map(int, parts)),
            draws=self.draws,
            order=self.order,
            task=self.task,
            between=self.between,
            seed=self.seed,
        )


@click.command()
@click.argument("table")
@options_of(Speaker)
@options_of(Labelled)
@options_of(Shown)
@json_option
def command(table: str, as_json: bool) -> None:
    """Accuracy after none, one and a few examples from TABLE (.csv or .jsonl, labelled rows).

    Beside it: the interval over draws of the examples, and the accuracy after the same examples
    with wrong labels. A row that is asked is never an example.
    """
    shown, manner = chosen(Shown), chosen(Shown).manner()
    examples, asked = chosen(Labelled).sides(table, shown.seed)
    if shown.prompts is not None:
        _write(Path(shown.prompts), examples, asked, manner)
    with showing_progress():
        found = _measured(chosen(Speaker).load(), examples, asked, shown, manner)
    guessing = fmean(1 / len(question.candidates) for question in asked)
    rows = [_row(one, len(asked), guessing) for one in found]
    if as_json:
        draws = [{"right": s.right, "wrong": s.wrong, "calibrated": s.calibrated} for s in found]
        return print_json([{**row, "by_draw": one} for row, one in zip(rows, draws, strict=True)])
    return print_table(rows, title=chosen(Speaker).model)


def _measured(
    lm: "LanguageModel",
    examples: "Sequence[Question]",
    asked: "Sequence[Question]",
    shown: Shown,
    manner: "Manner",
) -> "list[Shots]":
    from practicum.evaluation.choice import PerByte, Whole
    from practicum.evaluation.few_shot_table import Room, few_shot

    return few_shot(
        lm,
        examples,
        asked,
        manner,
        neutral=shown.neutral,
        scoring={"whole": Whole(), "per-byte": PerByte()}[shown.scoring],
        room=Room(context=lm.context, count=lambda text: len(lm.encode_prompt(text))),
    )


def _write(
    path: Path, examples: "Sequence[Question]", asked: "Sequence[Question]", manner: "Manner"
) -> None:
    from practicum.evaluation.few_shot_table import prompts

    with path.open("w", encoding="utf-8") as file:
        for prompt in prompts(examples, asked, manner):
            for question in asked:
                line = {
                    "shots": prompt.shots,
                    "draw": prompt.draw,
                    "labels": prompt.labels,
                    "prompt": prompt.before(question).prefix,
                    "candidates": question.candidates,
                    "answer": question.answer,
                }
                file.write(json.dumps(line, ensure_ascii=False) + "\n")


def _row(one: "Shots", asked: int, guessing: float) -> dict[str, Any]:
    low, high = one.interval or (None, None)
    return {
        "shots": one.shots,
        "accuracy": fmean(one.right),
        "low": low,
        "high": high,
        "wrong_labels": fmean(one.wrong) if one.wrong else None,
        "calibrated": fmean(one.calibrated) if one.calibrated else None,
        "guessing": guessing,
        "draws": len(one.right),
        "asked": asked,
    }
