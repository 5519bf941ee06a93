"""The user's own questions: a table in `.jsonl` or `.csv`, and how its columns make a question.

A row has a prefix, or columns that a template makes one of (`"{question}\\nAnswer:"`), candidates
(a list; in a csv cell a JSON list or parts between `|`), and the right one as its text or as its
number from 0. A text that equals a candidate is that candidate, even if it reads as a number too.
"""

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Formatter
from typing import Any

from practicum.errors import ConfigError, DataError
from practicum.evaluation.choice import Question

Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Which columns make a question. Templates name columns in braces; {{ and }} are braces."""

    template: str = "{prefix}"
    candidates: str | tuple[str, ...] = "candidates"  # a column, or the same for every row
    answer: str | None = "answer"  # a column, may be empty in a row; None: answers are not known
    rest: str = ""  # a template for the text after the candidate
    before: str = ""  # stands before every candidate: " " where the prefix ends in a word

    def __post_init__(self) -> None:
        for template in (self.template, self.rest):
            _columns(template)

    def question(self, row: Row) -> Question:
        """The question of one row. Raises DataError that says what the row lacks."""
        column = self.candidates
        given = column if isinstance(column, tuple) else _listed(_value(row, column), column)
        candidates = tuple(self.before + candidate for candidate in given)
        answer = None
        if self.answer is not None and (value := row.get(self.answer)) not in (None, ""):
            answer = _answer(value, given)
        return Question(
            prefix=_filled(self.template, row),
            candidates=candidates,
            rest=_filled(self.rest, row),
            answer=answer,
        )


def read_questions(path: str | Path, layout: Layout | None = None) -> list[Question]:
    """All questions of a table.

    Raises DataError, with the number of the row (counted from 1, without a csv's header), for a row
    that is not what the layout says, and for a table that is missing, empty or not text.
    """
    layout = layout or Layout()
    path = Path(path)
    questions = []
    for number, row in enumerate(_rows(path), start=1):
        try:
            questions.append(layout.question(row))
        except DataError as problem:
            raise DataError(f"{path.name}, row {number}: {problem}") from problem
    if not questions:
        raise DataError(f"{path.name} has no rows; expected one question in each")
    return questions


def labels_of(path: str | Path, column: str) -> tuple[str, ...]:
    """Every text that stands in the column, once, in the order of the table. Raises DataError."""
    place, found = Path(path), dict[str, None]()
    for number, row in enumerate(_rows(place), start=1):
        try:
            found[_text(_value(row, column), column)] = None
        except DataError as problem:
            raise DataError(f"{place.name}, row {number}: {problem}") from problem
    return tuple(found)


def _rows(path: Path) -> Iterator[Row]:
    readers = {".jsonl": _json_rows, ".csv": _csv_rows}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise DataError(f"{path.name} is neither .jsonl nor .csv; save the table as one of them")
    try:
        yield from reader(path)
    except OSError as problem:
        raise DataError(f"cannot read {path}: {problem.strerror}") from problem
    except UnicodeDecodeError as problem:
        raise DataError(f"{path.name} is not UTF-8 text (byte {problem.start})") from problem


def _json_rows(path: Path) -> Iterator[Row]:
    number = 0
    with path.open(encoding="utf-8-sig") as file:
        for line in file:
            if not line.strip():
                continue
            number += 1
            try:
                row = json.loads(line)
            except json.JSONDecodeError as problem:
                raise DataError(
                    f"{path.name}, row {number}: not JSON ({problem.msg} at {problem.colno})"
                ) from problem
            if not isinstance(row, dict):
                raise DataError(f"{path.name}, row {number}: expected an object with columns")
            yield row


def _csv_rows(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        try:
            for number, row in enumerate(reader, start=1):
                if None in row or None in row.values():
                    raise DataError(
                        f"{path.name}, row {number}: expected {len(reader.fieldnames or [])} cells "
                        "as in the header"
                    )
                yield row
        except csv.Error as problem:
            raise DataError(f"{path.name}, after line {reader.line_num}: {problem}") from problem


def _columns(template: str) -> list[str]:
    try:
        parts = list(Formatter().parse(template))
    except ValueError as problem:
        raise ConfigError(f"the template {template!r} has unpaired braces: {problem}") from problem
    for _, name, form, conversion in parts:
        if name is not None and (not name.strip() or form or conversion):
            raise ConfigError(f"the template {template!r}: expected a column's name in each {{}}")
    return [name for _, name, _, _ in parts if name is not None]


def _filled(template: str, row: Row) -> str:
    return "".join(
        text + ("" if name is None else _text(_value(row, name), name))
        for text, name, _, _ in Formatter().parse(template)
    )


def _value(row: Row, column: str) -> Any:
    if column not in row:
        raise DataError(f"no column '{column}'; it has {', '.join(map(str, row))}")
    return row[column]


def _text(value: Any, column: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise DataError(f"'{column}' is {_short(value)}; expected text")
    return str(value)


def _listed(value: Any, column: str) -> tuple[str, ...]:
    if isinstance(value, str):
        try:
            value = json.loads(value) if value.lstrip().startswith("[") else value.split("|")
        except json.JSONDecodeError:
            raise DataError(f"'{column}' is {_short(value)}; expected a JSON list") from None
    if not isinstance(value, list):
        raise DataError(f"'{column}' is {_short(value)}; expected a list of texts")
    return tuple(_text(item, column) for item in value)


def _answer(value: Any, candidates: tuple[str, ...]) -> int:
    if isinstance(value, str) and value in candidates:
        return candidates.index(value)
    number = str(value).strip()
    if not isinstance(value, bool) and number.isdecimal() and int(number) < len(candidates):
        return int(number)
    shown = ", ".join(_short(candidate) for candidate in candidates)
    raise DataError(f"answer {_short(value)} is none of {shown} and no number below their count")


def _short(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 40 else shown[:37] + "…"
