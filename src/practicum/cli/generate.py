"""`practicum generate`: a model goes on from a prompt, shown as it writes."""

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from practicum.cli.loading import Speaker
from practicum.cli.options import chosen, options_of
from practicum.cli.render import json_option, print_json
from practicum.cli.sampling import Drawing

if TYPE_CHECKING:
    from practicum.decoding.language_model import Chat, LanguageModel, Prompt
    from practicum.decoding.sampling import Sampling


@click.command()
@click.argument("prompt", required=False)
@click.option("--raw", is_flag=True, help="Continue the text as it stands, also with a chat model.")
@click.option("--system", help="Instructions before the prompt (chat models).")
@options_of(Speaker)
@options_of(Drawing)
@json_option
def command(prompt: str | None, raw: bool, system: str | None, as_json: bool) -> None:
    """Continue PROMPT (default: standard input), or answer it where the model is made for chat."""
    sampling = chosen(Drawing).sampling()
    text = sys.stdin.read() if prompt is None else prompt
    model = chosen(Speaker).load()
    asked = text if raw or model.chat_template is None else _chat(text, system)
    if as_json:
        return _print_completion(model, asked, sampling)
    for piece in model.stream(asked, sampling):
        click.echo(piece, nl=False)
        sys.stdout.flush()
    return click.echo()


def _chat(text: str, system: str | None) -> "Prompt":
    instructions: Chat = [{"role": "system", "content": system}] if system else []
    return [*instructions, {"role": "user", "content": text}]


def _print_completion(model: "LanguageModel", prompt: "Prompt", sampling: "Sampling") -> None:
    done = next(model.generate([prompt], replace(sampling, logprobs=0)))
    pieces = [model.tokenizer.decode([number]) for number in done.ids]
    rows = zip(done.ids, pieces, done.logprobs or (), strict=True)
    tokens = [{"id": number, "text": piece, "logprob": value} for number, piece, value in rows]
    print_json({"text": done.text, "finish": done.finish, "tokens": tokens})
