"""`practicum evaluate`: how well a model predicts text, answers questions, or writes programs."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import click

from practicum.cli.elsewhere import Elsewhere
from practicum.cli.evaluate_code import Code, evaluate_code
from practicum.cli.loading import Speaker
from practicum.cli.options import chosen, explained, options_of
from practicum.cli.render import json_option, print_json, print_table, showing_progress
from practicum.errors import ConfigError

if TYPE_CHECKING:
    from practicum.evaluation.choice import Judgement
    from practicum.evaluation.tables import Layout


@dataclass(frozen=True, kw_only=True)
class Text:
    """What is scored as text."""

    held_out: bool = explained(False, "Only the documents that practicum train holds out.")
    train: str | None = explained(
        None, "The training text: reports how many 8-grams of what is tested stand in it."
    )


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of questions, and how its columns make one."""

    table: str | None = explained(None, "Questions in a .jsonl or .csv file, instead of a CORPUS.")
    template: str = explained("{prefix}", "The text before a candidate, columns in braces.")
    candidates: str = explained("candidates", "The column of the candidates.")
    answer: str = explained("answer", "The column of the right one, as text or number.")
    rest: str = explained("", "Template of the text after a candidate.")
    before: str = explained("", "Stands before every candidate, such as a space.")
    scoring: Literal["whole", "per-byte", "partial"] = explained(
        "whole", "Of the candidate with the rest, of their bytes, or of the rest alone."
    )

    def layout(self) -> "Layout":
        """As the library takes it. Raises ConfigError for a template with unpaired braces."""
        from practicum.evaluation.tables import Layout

        return Layout(
            template=self.template,
            candidates=self.candidates,
            answer=self.answer,
            rest=self.rest,
            before=self.before,
        )


@click.command()
@click.argument("corpus", required=False)
@options_of(Speaker)
@options_of(Elsewhere)
@options_of(Text)
@options_of(Table)
@options_of(Code)
@json_option
def command(corpus: str | None, as_json: bool) -> None:
    """Bits per byte of a model on CORPUS (a name, file, folder or hf:name), or a --table's answers.

    Bits per byte, and perplexity per word, compare across models whatever their tokenizers.

    With --task code: pass@k of programs that the model writes for --problems, run in a sandbox.

    With --endpoint, a server is asked: practicum serve, vLLM, llama.cpp, or OpenAI's.
    """
    table, code = chosen(Table), chosen(Code)
    if code.task == "code":
        if corpus is not None or table.table is not None:
            raise ConfigError("--task code takes --problems FILE, and neither CORPUS nor --table")
        return evaluate_code(code, chosen(Speaker), chosen(Elsewhere), as_json)
    if code != Code():
        raise ConfigError("options for code, such as --problems, need --task code")
    if (corpus is None) == (table.table is None):
        raise ConfigError("give either a CORPUS to score or a --table of questions to answer")
    if corpus is not None:
        if chosen(Elsewhere).endpoint is not None:
            raise ConfigError("--endpoint goes with --task code or --table: texts may be too long")
        return print_table([_text_row(corpus, chosen(Text), chosen(Speaker))], as_json=as_json)
    return _answer(table, chosen(Text).train, chosen(Speaker), as_json)


def _text_row(source: str, text: Text, speaker: Speaker) -> dict[str, Any]:
    from practicum.data.files import read_corpus, read_in_two_sides
    from practicum.evaluation.bits import score_text
    from practicum.evaluation.contamination import SeenText

    with showing_progress():
        if text.held_out:
            documents = read_in_two_sides(source).held_out
        else:
            documents = read_corpus(source).documents
        seen = None if text.train is None else SeenText(read_in_two_sides(text.train).train)
        score = score_text(speaker.load(), documents)
        overlap = None if seen is None else seen.overlap(documents).percent
    return {
        "model": speaker.model,
        "corpus": source,
        "documents": len(documents),
        "bytes": score.bytes,
        "tokens": score.tokens,
        "bits_per_byte": score.bits_per_byte,
        "bits_per_character": score.bits_per_character,
        "word_perplexity": score.word_perplexity,
        "token_perplexity": score.token_perplexity,
        "seen_in_training_percent": overlap,
    }


def _answer(table: Table, train: str | None, speaker: Speaker, as_json: bool) -> None:
    from practicum.data.files import read_corpus
    from practicum.evaluation.choice import Partial, PerByte, Whole
    from practicum.evaluation.tables import read_questions
    from practicum.evaluation.zero_shot import zero_shot

    assert table.table is not None, "the verb asks for a corpus or a table"
    questions = read_questions(table.table, table.layout())
    scoring = {"whole": Whole(), "per-byte": PerByte(), "partial": Partial()}[table.scoring]
    endpoint = chosen(Elsewhere).ask(speaker)
    with showing_progress():
        training_text = None if train is None else read_corpus(train).documents
        scorer = endpoint or speaker.load()
        result = zero_shot(scorer, questions, scoring=scoring, training_text=training_text)
    row = {
        "model": (endpoint or speaker).model,
        "table": table.table,
        "questions": len(questions),
        "accuracy": result.accuracy,
        "guessing": result.guessing,
        "seen_in_training_percent": result.contamination and result.contamination.percent,
    }
    if as_json:
        return print_json({**row, "answers": [_option_scores(j) for j in result.judgements]})
    return print_table([row])


def _option_scores(judgement: "Judgement") -> dict[str, Any]:
    return {
        **asdict(judgement.question),
        "scores": list(judgement.scores),
        "choice": judgement.choice,
        "correct": judgement.correct,
    }
