"""What several tokenizers make of the same documents, as rows of tables."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from practicum.events import Progress, emit

if TYPE_CHECKING:
    from practicum.data.documents import Document
    from practicum.evaluation.token_costs import Cost
    from practicum.tokenizers.tokenizer import Specials, Tokenizer

Row = dict[str, Any]
RARE = 0.001  # of the bytes: a script below this is in the JSON alone


@dataclass(kw_only=True)
class Measured:
    """What one tokenizer makes of the documents: of all, and by script and by kind of file."""

    name: str
    vocabulary: int
    total: "Cost"
    scripts: "dict[str, Cost]" = field(default_factory=dict)
    kinds: "dict[str, Cost]" = field(default_factory=dict)

    def summary(self) -> Row:
        """The row of this tokenizer."""
        return {
            "tokenizer": self.name,
            "vocabulary": self.vocabulary,
            "tokens": round(self.total.tokens),
            "bytes_per_token": round(self.total.bytes_per_token, 3),
            "tokens_per_word": _rounded(self.total.tokens_per_word),
        }

    def data(self) -> Row:
        """Everything, for a program."""
        return self.summary() | {
            "scripts": {name: _data(cost) for name, cost in self.scripts.items()},
            "kinds": {name: _data(cost) for name, cost in self.kinds.items()},
        }


def measure(
    name: str,
    tokenizer: "Tokenizer",
    documents: "Sequence[Document]",
    specials: "Specials" = False,
) -> Measured:
    """What `tokenizer` makes of `documents`, while telling how far it is."""
    from practicum.evaluation.token_costs import NOTHING, costs

    found = Measured(name=name, vocabulary=tokenizer.size, total=NOTHING)
    whole = sum(len(document.text.encode()) for document in documents)
    for document in documents:
        kind = _kind(document)
        cost, scripts = costs(tokenizer, document.text, specials=specials)
        found.total += cost
        found.kinds[kind] = found.kinds.get(kind, NOTHING) + cost
        for script, share in scripts.items():
            found.scripts[script] = found.scripts.get(script, NOTHING) + share
        emit(Progress(task=f"encoding by {name}", done=found.total.bytes, total=whole, unit="B"))
    return found


def tables(measured: Sequence[Measured]) -> dict[str, list[Row]]:
    """Rows by the title of their table: the tokenizers, then scripts and kinds of file by them."""
    scripts = {m.name: m.scripts for m in measured}
    kinds = {m.name: m.kinds for m in measured}

    def compression(cost: "Cost") -> float:
        return cost.bytes_per_token

    def fertility(cost: "Cost") -> float | None:
        return cost.tokens_per_word

    found = {
        "tokenizers": [one.summary() for one in measured],
        "bytes per token, by script": _compared(scripts, "script", compression),
        "tokens per word, by script": _compared(scripts, "script", fertility),
    }
    if len(measured[0].kinds) > 1:
        found["bytes per token, by kind of file"] = _compared(kinds, "file", compression)
    return found


def _compared(
    costs: "Mapping[str, Mapping[str, Cost]]",
    what: str,
    measure: "Callable[[Cost], float | None]",
) -> list[Row]:
    """A row for each part of the text, the largest first, and a column for each tokenizer."""
    first = next(iter(costs.values()))
    whole = sum(cost.bytes for cost in first.values())
    rows = [
        {what: part, "percent": round(100 * cost.bytes / whole, 1)}
        | {name: _rounded(measure(by[part])) for name, by in costs.items()}
        for part, cost in sorted(first.items(), key=lambda item: -item[1].bytes)
        if cost.bytes >= RARE * whole
    ]
    return [row for row in rows if any(row[name] is not None for name in costs)]


def _kind(document: "Document") -> str:
    """The ending of the file that a document came from, or nothing."""
    return PurePosixPath(document.id.partition(":")[0].partition("#")[0]).suffix


def _data(cost: "Cost") -> Row:
    return {
        "bytes": cost.bytes,
        "characters": cost.characters,
        "words": cost.words,
        "tokens": round(cost.tokens, 2),
        "bytes_per_token": round(cost.bytes_per_token, 3),
        "tokens_per_word": _rounded(cost.tokens_per_word),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
