"""`practicum embed`: vectors of texts, and how near they are to each other."""

import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from practicum.cli.embedders import PACKAGED, embedder_called
from practicum.cli.loading import Placement
from practicum.cli.options import chosen, explained, options_of
from practicum.cli.render import print_table
from practicum.cli.text_files import read_text
from practicum.errors import DataError

if TYPE_CHECKING:
    from torch import Tensor

SHOWN = 60  # characters of a text
MOST = 10  # texts that are compared each with each; of more, the nearest are told


@dataclass(frozen=True, kw_only=True)
class Texts(Placement):
    """What is read, and by which model."""

    model: str = explained(PACKAGED, "A folder, an asset (practicum data list) or a hub name.")
    file: str | None = explained(None, "A text per line, after those given; - is standard input.")
    vectors: bool = explained(False, "Print the vectors: JSON, a line for each text.")
    cut: bool = explained(False, "Read the beginning of a text that is too long.")


@click.command()
@click.argument("texts", nargs=-1)
@options_of(Texts)
def command(texts: tuple[str, ...]) -> None:
    """How alike TEXTS are in meaning: cosines of their vectors, 1 for the same.

    practicum embed "a cat sleeps" "a kitten naps" "shares fell"
    """
    how = chosen(Texts)
    read = [*texts, *_lines(how.file)]
    if not read:
        raise DataError('which texts? give some, as in: practicum embed "a cat" "a kitten"')
    vectors = embedder_called(how.model, how).embed(read, cut=how.cut)
    if how.vectors:
        for text, vector in zip(read, vectors.tolist(), strict=True):
            click.echo(json.dumps({"text": text, "vector": vector}, ensure_ascii=False))
    else:
        print_table(_alike(read, vectors))


def _lines(file: str | None) -> list[str]:
    if file is None:
        return []
    whole = sys.stdin.read() if file == "-" else read_text(file)
    lines = [line for line in whole.splitlines() if line.strip()]
    if not lines:
        place = "standard input" if file == "-" else file
        raise DataError(f"{place} holds no text; expected one in each line")
    return lines


def _alike(texts: list[str], vectors: "Tensor") -> list[dict[str, Any]]:
    """A row for each text: the cosine with each, or the nearest other one."""
    from torch.nn import functional as F

    directions = F.normalize(vectors, dim=1)
    cosines = directions @ directions.T
    shown = [text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…" for text in texts]
    if len(texts) <= MOST:
        return [
            {"": number, "text": text}
            | {str(other): round(cosine, 3) for other, cosine in enumerate(row, start=1)}
            for number, (text, row) in enumerate(zip(shown, cosines.tolist(), strict=True), start=1)
        ]
    cosines.fill_diagonal_(-1.0)
    best = cosines.max(dim=1)
    return [
        {"text": text, "nearest": shown[place], "cosine": round(cosine, 3)}
        for text, place, cosine in zip(
            shown, best.indices.tolist(), best.values.tolist(), strict=True
        )
    ]
