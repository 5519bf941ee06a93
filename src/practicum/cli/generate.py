"""`practicum generate`: a model goes on from a prompt, shown as it writes."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import click

from practicum.cli.loading import Speaker
from practicum.cli.options import chosen, explained, options_of
from practicum.cli.render import json_option, print_json
from practicum.cli.sampling import Drawing
from practicum.cli.text_files import read_text
from practicum.errors import ConfigError

if TYPE_CHECKING:
    from practicum.decoding.constraint import Constraint
    from practicum.decoding.generate import Chunk, Completion
    from practicum.decoding.language_model import Chat, LanguageModel, Prompt
    from practicum.decoding.sampling import Sampling

AT_ONCE = 8  # tokens of a looked-up draft


@dataclass(frozen=True, kw_only=True)
class Form:
    """What the text may be, or that it may be guessed."""

    json_schema: str | None = explained(None, "Only JSON that the schema in this file describes.")
    regex: str | None = explained(None, "Only a text that this expression matches as a whole.")
    lookup: bool = explained(
        False, "Guess what follows from the text before: the same text, faster where it repeats."
    )

    def constraint(self) -> "Constraint | None":
        """What the text is held to. Raises ConfigError where it is none, or two at once."""
        from practicum.decoding.grammar import JsonSchema, Regex

        asked = [self.json_schema is not None, self.regex is not None, self.lookup]
        if sum(asked) > 1:
            raise ConfigError("--json-schema, --regex and --lookup exclude each other; give one")
        if self.json_schema is not None:
            return JsonSchema(schema=read_text(self.json_schema))
        return None if self.regex is None else Regex(pattern=self.regex)


@click.command()
@click.argument("prompt", required=False)
@click.option("--raw", is_flag=True, help="Continue the text as it stands, also with a chat model.")
@click.option("--system", help="Instructions before the prompt (chat models).")
@options_of(Form)
@options_of(Speaker)
@options_of(Drawing)
@json_option
def command(prompt: str | None, raw: bool, system: str | None, as_json: bool) -> None:
    """Continue PROMPT (default: standard input), or answer it where the model is made for chat."""
    from practicum.decoding.generate import Chunk, Completion

    sampling = chosen(Drawing).sampling()
    constraint = chosen(Form).constraint()
    text = sys.stdin.read() if prompt is None else prompt
    if system and raw:
        raise ConfigError("--system and --raw exclude each other; give one")
    model = chosen(Speaker).load()
    if system and model.chat_template is None:
        raise ConfigError(
            f"--system is for models made for chats, and {chosen(Speaker).model} has no chat "
            "template; write it into the prompt"
        )
    asked = text if raw or model.chat_template is None else _chat(text, system)
    sampling = replace(sampling, logprobs=0) if as_json else sampling
    for piece in _pieces(model, asked, sampling, constraint):
        if isinstance(piece, Chunk) and not as_json:
            click.echo(piece.text, nl=False)
            sys.stdout.flush()
        if isinstance(piece, Completion):
            _finish(model, piece, constraint, as_json)


def _chat(text: str, system: str | None) -> "Prompt":
    instructions: Chat = [{"role": "system", "content": system}] if system else []
    return [*instructions, {"role": "user", "content": text}]


def _pieces(
    model: "LanguageModel", prompt: "Prompt", sampling: "Sampling", constraint: "Constraint | None"
) -> "Iterator[Chunk | Completion]":
    from practicum.decoding.constrained import write_constrained
    from practicum.decoding.generate import Request
    from practicum.decoding.prompt_lookup import PromptLookup
    from practicum.decoding.speculative import Speculation, write_speculatively

    if constraint is None and not chosen(Form).lookup:
        return model.write([prompt], sampling)
    request = Request(index=0, ids=tuple(model.encode_prompt(prompt)), sampling=sampling)
    network, tokenizer, ends = model.model, model.tokenizer, model.ends
    if constraint is not None:
        return write_constrained(network, tokenizer, request, constraint, ends=ends)
    lookup = Speculation(draft=PromptLookup(), tokens=AT_ONCE)
    return write_speculatively(network, tokenizer, [request], ends=ends, speculation=lookup)


def _finish(
    model: "LanguageModel", done: "Completion", constraint: "Constraint | None", as_json: bool
) -> None:
    if as_json:
        pieces = [model.tokenizer.decode([number]) for number in done.ids]
        rows = zip(done.ids, pieces, done.logprobs or (), strict=True)
        tokens = [{"id": number, "text": piece, "logprob": value} for number, piece, value in rows]
        print_json({"text": done.text, "finish": done.finish, "tokens": tokens})
    else:
        click.echo()
    if constraint is not None and done.finish == "length":
        click.echo(f"cut after {len(done.ids)} tokens; give more --max-tokens", err=True)
