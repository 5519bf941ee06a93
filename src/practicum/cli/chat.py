"""`practicum chat`: a conversation, typed or piped in line by line."""

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from practicum.cli.loading import Speaker
from practicum.cli.options import chosen, options_of
from practicum.cli.sampling import Drawing
from practicum.errors import ModelError

if TYPE_CHECKING:
    from practicum.decoding.language_model import Chat, LanguageModel


@click.command()
@click.option("--system", help="Instructions that hold for the whole conversation.")
@options_of(Speaker)
@options_of(Drawing)
def command(system: str | None) -> None:
    """Talk with a model. An empty line or Ctrl-D ends the conversation.

    Every line of a piped input is one turn; only the answers go to standard output. When the
    conversation outgrows the model's context, its oldest turns are forgotten.
    """
    sampling = chosen(Drawing).sampling()
    model = chosen(Speaker).load()
    instructions: Chat = [{"role": "system", "content": system}] if system else []
    model.encode_prompt([{"role": "user", "content": ""}])  # not made for chats: refused now
    turns: Chat = []
    for line in _lines():
        asked: Chat = [*turns, {"role": "user", "content": line}]
        asked = _latest(model, instructions, asked, room=model.context - sampling.max_tokens)
        answer = ""
        try:
            for piece in model.stream([*instructions, *asked], sampling):
                answer += piece
                click.echo(piece, nl=False)
                sys.stdout.flush()
        except ModelError as problem:  # more than the model reads
            if not sys.stdin.isatty():
                raise
            click.echo(f"error: {problem}", err=True)  # and what was said before is still there
            continue
        click.echo()
        turns = [*asked, {"role": "assistant", "content": answer}]


def _lines() -> Iterator[str]:
    """What the user says, line by line."""
    if not sys.stdin.isatty():
        yield from (line.strip() for line in sys.stdin if line.strip())
        return
    while True:
        try:
            line = input("> ").strip()
        except EOFError:
            click.echo()
            return
        if not line:
            return
        yield line


def _latest(model: "LanguageModel", instructions: "Chat", turns: "Chat", *, room: int) -> "Chat":
    """The latest turns that leave room for an answer; questions go with their answers."""
    while len(turns) > 2 and len(model.encode_prompt([*instructions, *turns])) > room:
        turns = turns[2:]
    return turns
