"""`practicum translate`: sentences in another language, by a translator that was trained here.

Or whatever else a text-to-text model of `transformers` (T5) is asked: its task stands in the text.
"""

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from practicum.cli.loading import translator_called
from practicum.cli.options import chosen, explained, options_of
from practicum.cli.render import json_option, print_json, showing_progress
from practicum.errors import ConfigError, DataError, ModelError
from practicum.events import Progress, emit

if TYPE_CHECKING:
    from practicum.decoding.beam import Beam
    from practicum.decoding.translate import Translator

AT_ONCE = 256  # sentences that are sorted by length together, and shown together
STDIN = "standard input"


@dataclass(frozen=True, kw_only=True)
class Request:
    """The translator, what it translates, and how it searches."""

    model: str = explained(
        "", "A folder: a translator of practicum train --task translation, or a T5 of transformers."
    )
    file: str | None = explained(None, "Sentences to translate, one a line.")
    reference: str | None = explained(None, "A file of right translations: reports BLEU and chrF.")
    beam: int = explained(4, "Prefixes that are kept; 1 is greedy.")
    alpha: float = explained(0.6, "How strongly length is made up for.")
    bleu_words: Literal["13a", "intl", "zh", "char"] = explained(
        "13a", "How sacrebleu cuts text for BLEU; char for Japanese."
    )
    device: str | None = explained(None, "cpu, cuda or cuda:1. [default: a GPU if there is one]")


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A translation that was found."""

    text: str
    logprob: float
    score: float  # log P over the length penalty, by which answers are ranked
    finished: bool  # false: cut at its longest length


@click.command()
@click.argument("text", required=False)
@options_of(Request)
@json_option
def command(text: str | None, as_json: bool) -> None:
    """Translate TEXT, or each line of --file or of standard input.

    A T5 wants its task in front of each: "translate English to German: ", "summarize: "; and where
    it is to fill a gap, <extra_id_0>, then <extra_id_1>.
    """
    from practicum.data.parallel import sentences
    from practicum.decoding.beam import Beam

    request = chosen(Request)
    beam = Beam(width=request.beam, alpha=request.alpha)
    given = _given(text, request)
    right = None if request.reference is None else sentences(Path(request.reference))
    with showing_progress():
        translator = translator_called(request.model, request.device)
        rows: list[dict[str, Any]] = []
        for lines, encoded in _checked(given, translator):
            if request.file is not None and right is not None:
                _check_count(len(lines), right, request)
            for line, found in zip(lines, answers(translator, encoded, beam), strict=True):
                rows.append({"source": line, "translation": found[0].text, "found": found})
                if not as_json:
                    click.echo(found[0].text)
            sys.stdout.flush()
    if right is not None:
        _check_count(len(rows), right, request)
    scores = {} if right is None else _scores(rows, right, request.bleu_words)
    if as_json:
        print_json({"translations": [_plain(row) for row in rows], **scores})
    elif scores:
        click.echo("  ".join(f"{name} {value}" for name, value in scores.items()), err=True)


def answers(
    translator: "Translator", sources: Sequence[Sequence[int]], beam: "Beam"
) -> Iterator[list[Answer]]:
    """The translations of each source, the best first, as they are found."""
    from practicum.decoding.translate import translate

    for start in range(0, len(sources), AT_ONCE):
        found = translate(
            translator.model,
            sources[start : start + AT_ONCE],
            begin=translator.begin,
            end=translator.end,
            beam=beam,
            device=translator.device,
        )
        done = start + len(found)
        emit(Progress(task="translating", done=done, total=len(sources), unit="sentences"))
        for hypotheses in found:
            yield [
                Answer(
                    text=" ".join(translator.text(one).splitlines()),
                    logprob=one.logprob,
                    score=one.score,
                    finished=one.finished,
                )
                for one in hypotheses
            ]


def _given(text: str | None, request: Request) -> Iterator[list[tuple[str, str]]]:
    """Lines in parts, each with the place where it stands; a file or a text is one part."""
    from practicum.data.parallel import sentences

    if text is not None and request.file is not None:
        raise ConfigError("give either a TEXT or a --file to translate, not both")
    if text is not None:
        return iter([[("the text", text.strip())]])
    if request.file is not None:
        lines = sentences(Path(request.file).expanduser())
        if not lines:
            raise DataError(f"{request.file} is empty; expected a sentence a line")
        return iter([[(f"{request.file} line {n}", x) for n, x in enumerate(lines, start=1)]])
    return _typed(sys.stdin.buffer, 1 if sys.stdin.isatty() else AT_ONCE)


def _typed(rows: Iterable[bytes], at_once: int) -> Iterator[list[tuple[str, str]]]:
    from practicum.data.parallel import sentence

    places = ((f"{STDIN} line {number}", row) for number, row in enumerate(rows, start=1))
    while part := [(where, sentence(row, where)) for where, row in islice(places, at_once)]:
        yield part


def _checked(
    parts: Iterable[list[tuple[str, str]]], translator: "Translator"
) -> Iterator[tuple[list[str], list[list[int]]]]:
    """Lines and their ids. Raises where a line is empty, or longer than the model reads."""
    context = getattr(translator.model.description, "context", None)
    for part in parts:
        encoded = []
        for where, line in part:
            if not line:
                raise DataError(f"{where} is empty; expected a sentence")
            ids = translator.source.encode(line)
            if context is not None and len(ids) > context:
                raise ModelError(
                    f"{where} has {len(ids)} tokens, and the model reads {context}; shorten it"
                )
            encoded.append(ids)
        yield [line for _, line in part], encoded


def _check_count(lines: int, right: Sequence[str], request: Request) -> None:
    if lines != len(right):
        raise DataError(
            f"{request.reference} has {len(right):,} lines for {lines:,} sentences; expected one "
            "for each"
        )


def _scores(rows: list[dict[str, Any]], right: Sequence[str], words: Any) -> dict[str, Any]:
    from practicum.evaluation.translation import score_translations

    score = score_translations([row["translation"] for row in rows], right, words=words)
    return {
        "bleu": round(score.bleu, 2),
        "bleu_signature": score.bleu_signature,
        "chrf": round(score.chrf, 2),
        "chrf_signature": score.chrf_signature,
    }


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "source": row["source"],
        "translation": row["translation"],
        "hypotheses": [asdict(answer) for answer in row["found"]],
    }
