"""`practicum align`: which word a translator looked at for which, and what it never looked at."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from practicum.cli.loading import translator_called
from practicum.cli.options import chosen, explained, options_of
from practicum.cli.pages import filled, write_page
from practicum.cli.render import json_option, print_json, showing_progress
from practicum.errors import ConfigError, DataError

if TYPE_CHECKING:
    from practicum.data.parallel import SentencePair
    from practicum.data.word_links import Links
    from practicum.decoding.translate import Translator
    from practicum.interpret.sentence_alignment import SentenceAlignment

MOST = 100  # pairs that a page shows: some megabytes of HTML


@dataclass(frozen=True, kw_only=True)
class Request:
    """The translator, the pairs, and what is wanted of them."""

    model: str = explained("", "The folder of a translator (practicum train --task translation).")
    source: str = explained("", "A file of sentences, one a line.")
    target: str | None = explained(
        None, "The file of their translations. [default: the model's own]"
    )
    gold: str | None = explained(None, "A file of right links: reports the error rate (AER).")
    html: str | None = explained(None, "Write heat-maps as a page.")
    tokens: bool = explained(False, "Align tokens and not words, where no spaces are written.")
    layer: int | None = explained(
        None, "Of a Transformer: the decoder's block, from 0. [default: the last but one]"
    )
    least: float = explained(0.2, "A source word with less of all looks together is unread.")
    span: int = explained(1, "Report runs of at least so many unread words.")
    device: str | None = explained(None, "cpu, cuda or cuda:1. [default: a GPU if there is one]")

    def __post_init__(self) -> None:
        if not self.source:
            raise ConfigError("which sentences? give --source FILE, and --target FILE if there is")
        if self.least <= 0 or self.span < 1:
            raise ConfigError(
                f"--least is {self.least} and --span {self.span}; expected above 0 and at least 1"
            )

    def pairs(self, translator: "Translator") -> "Sequence[SentencePair]":
        """The sentences of both files, or of one and what the translator makes of them."""
        from practicum.data.parallel import SentencePair, read_pairs, sentences

        if self.target is not None:
            return read_pairs(self.source, self.target)
        lines = sentences(Path(self.source).expanduser())
        if not lines or not all(lines):
            raise DataError(f"{self.source} is empty or has an empty line; expected sentences")
        found = translator.translate(lines)
        for number, text in enumerate(found, start=1):
            if not text.strip():
                raise DataError(
                    f"{self.source} line {number}: the translator said nothing; give a --target, "
                    "or leave the line out"
                )
        return [SentencePair(a, " ".join(b.split())) for a, b in zip(lines, found, strict=True)]


@click.command()
@options_of(Request)
@json_option
def command(as_json: bool) -> None:
    """Align the words of --source with those of --target, as Pharaoh links: a line for each pair.

    Source words that no target word looked at are told on standard error: their content may be
    missing in the translation.
    """
    from practicum.data.word_links import read_links, to_pharaoh
    from practicum.interpret.sentence_alignment import align_sentences

    request = chosen(Request)
    with showing_progress():
        translator = translator_called(request.model, request.device)
        pairs = request.pairs(translator)
        gold = None if request.gold is None else read_links(request.gold)
        found = align_sentences(
            translator, pairs, layer=request.layer, whole_words=not request.tokens
        )
    score = {} if gold is None else _score(found, gold, request)
    if request.html is not None:
        _write_page(Path(request.html), found, gold, request)
    if as_json:
        return print_json({"sentences": [_plain(one, request) for one in found], **score})
    for number, one in enumerate(found, start=1):
        click.echo(to_pharaoh(one.links))
        for span in one.unread(least=request.least, words=request.span):
            words = " ".join(span.words)
            text = f"{request.source} line {number}: '{words}' was hardly looked at"
            click.echo(f"{text} ({span.coverage:.2f})", err=True)
    if score:
        click.echo("  ".join(f"{name} {value:.4f}" for name, value in score.items()), err=True)
    return None


def _score(
    found: "Sequence[SentenceAlignment]", gold: "Sequence[Links]", request: Request
) -> dict[str, float]:
    from practicum.evaluation.alignment_error import score_links

    if len(gold) != len(found):
        raise DataError(
            f"{request.gold} has {len(gold):,} lines for {len(found):,} pairs; expected one for "
            "each"
        )
    score = score_links([one.links for one in found], gold)
    return {"error": score.error, "precision": score.precision, "recall": score.recall}


def _plain(one: "SentenceAlignment", request: Request) -> dict[str, Any]:
    unread = one.unread(least=request.least, words=request.span)
    return {
        "source": list(one.source),
        "target": list(one.target),
        "links": [list(link) for link in sorted(one.links)],
        "unread": [
            {"start": span.start, "words": list(span.words), "coverage": round(span.coverage, 4)}
            for span in unread
        ],
    }


def _write_page(
    place: Path,
    found: "Sequence[SentenceAlignment]",
    gold: "Sequence[Links] | None",
    request: Request,
) -> None:
    shown = [
        _map(number, one, None if gold is None else gold[number - 1], request)
        for number, one in enumerate(found[:MOST], start=1)
    ]
    page = filled(
        "alignment.html",
        title=f"{Path(request.source).name}, aligned",
        pairs=shown,
        gold=gold is not None,
        cut_short=len(found) > MOST,
    )
    write_page(place, page)


def _map(
    number: int, one: "SentenceAlignment", gold: "Links | None", request: Request
) -> dict[str, Any]:
    """A heat-map as the template takes it."""
    from practicum.data.word_links import Link

    marks = {} if gold is None else dict.fromkeys(gold.possible, "possible")
    marks |= {} if gold is None else dict.fromkeys(gold.sure, "sure")
    rows = [
        [
            {"weight": f"{weight:.3f}", "gold": marks.get(Link(column, row), "")}
            for column, weight in enumerate(line)
        ]
        for row, line in enumerate(one.weights)
    ]
    unread = one.unread(least=request.least, words=request.span)
    return {
        "number": number,
        "source": one.source,
        "rows": list(zip(one.target, rows, strict=True)),
        "missed": {span.start + i for span in unread for i in range(len(span.words))},
    }
