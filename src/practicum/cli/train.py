"""`practicum train`: a model from one's own text, saved so that other verbs load it."""

import click

from practicum.cli.options import chosen, options_of
from practicum.cli.render import json_option, print_table, showing_progress
from practicum.cli.train_options import Learning, Place, Shape, Words
from practicum.cli.train_pairs import Pairs
from practicum.errors import ConfigError


@click.command()
@click.argument("corpus", required=False)
@click.option(
    "--task",
    type=click.Choice(["language-model", "translation"]),
    default="language-model",
    show_default=True,
    help="What it learns: to continue CORPUS, or to translate --source to --target.",
)
@options_of(Pairs)
@options_of(Words)
@options_of(Place)
@options_of(Shape)
@options_of(Learning)
@json_option
def command(corpus: str | None, task: str, as_json: bool) -> None:
    """Train a language model on CORPUS, or a translator on two files of lines.

    CORPUS is a corpus by name, a file, a folder, or hf:name. One in twenty documents, or sentences,
    is held out. The folder then holds a model that generate, chat and evaluate load, or translate,
    and metrics.jsonl with its curves.
    """
    pairs, place = chosen(Pairs), chosen(Place)
    rest = (chosen(Words), place, chosen(Shape), chosen(Learning))
    with showing_progress():
        if task == "translation":
            from practicum.cli.train_translation import train_translation

            if corpus is not None:
                raise ConfigError(
                    f"a translator learns from pairs, not from a corpus ('{corpus}'); give "
                    "--source FILE --target FILE"
                )
            row = train_translation(pairs, *rest)
        else:
            from practicum.cli.train_language_model import train_language_model

            if corpus is None or pairs.given:
                raise ConfigError(
                    "a language model learns from a CORPUS alone; give one, or --task translation "
                    "for pairs"
                )
            row = train_language_model(corpus, *rest)
    down = task == "translation" and not as_json  # too much for a line
    print_table(
        [{"": k.replace("_", " "), "value": v} for k, v in row.items()] if down else [row],
        as_json=as_json,
    )
    verb = "translate" if task == "translation" else "generate"
    click.echo(f'try: practicum {verb} --model {place.out} "…"', err=True)
