"""`practicum look`: what happens inside a model while it reads a text, as one HTML page."""

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from practicum.cli.loading import Placement, device_called
from practicum.cli.options import chosen, explained, options_of
from practicum.cli.pages import write_page
from practicum.cli.render import json_option, print_json, showing_progress
from practicum.errors import ConfigError, ModelError
from practicum.home import home

if TYPE_CHECKING:
    from practicum.decoding.language_model import Chat, Prompt
    from practicum.interpret.look.contents import Ask, Contents

PARTS = "attention, stream, lens, next, neighbours, steps, beam, tally"  # contents.SECTIONS


@dataclass(frozen=True, kw_only=True)
class View(Placement):
    """What is shown."""

    layers: str | None = explained(None, "Such as 0,5,10-14.  [default: all]")
    positions: str | None = explained(None, "Of tokens, such as 0-7,-1.  [default: all]")
    what: str | None = explained(None, f"Some of {PARTS}.  [default: all]")
    top: int = explained(10, "Tokens in every table.")
    temperature: float = explained(1.0, "Of next-token tables and continuation; 0 is greedy.")
    steps: int = explained(12, "Tokens of the continuation.")
    beam: int = explained(3, "Width of the searched tree.")
    seed: int = explained(0, "Of the continuation.")
    chat: bool = explained(False, "The text is said to a chat model, and not gone on with.")
    system: str | None = explained(None, "Instructions before it (chat models).")

    def ask(self) -> "Ask":
        """The question in numbers."""
        from practicum.interpret.look.contents import SECTIONS, Ask

        what = SECTIONS if self.what is None else tuple(re.split(r"[,\s]+", self.what.strip()))
        return Ask(
            what=what,
            layers=None if self.layers is None else numbers(self.layers, "--layers"),
            positions=None if self.positions is None else numbers(self.positions, "--positions"),
            top=self.top,
            temperature=self.temperature,
            steps=self.steps,
            beam=self.beam,
            seed=self.seed,
        )

    def prompt(self, text: str) -> "Prompt":
        """The text as it stands, or as a chat."""
        if not self.chat and self.system is None:
            return text
        instructions: Chat = [{"role": "system", "content": self.system}] if self.system else []
        return [*instructions, {"role": "user", "content": text}]


@click.command()
@click.argument("model")
@click.argument("text", required=False)
@click.option("--target", help="A translation to look at.  [default: the model's own]")
@options_of(View)
@click.option("--out", type=click.Path(path_type=Path), help="A folder, or a .html file.")
@json_option
def command(
    model: str, text: str | None, target: str | None, out: Path | None, as_json: bool
) -> None:
    """Look inside MODEL while it reads TEXT (default: standard input).

    Writes a page that needs nothing beside it, and pictures of its parts next to it. MODEL is a
    folder, a .gguf file, an asset (practicum models) or a hub name; of a translator the alignment
    is shown.
    """
    view = chosen(View)
    ask = view.ask()
    contents = _collected(model, sys.stdin.read() if text is None else text, target, ask, view)
    if as_json:
        from practicum.interpret.look.contents import as_data

        return print_json(as_data(contents))
    place = out or home("looks") / re.sub(r"[^\w.-]+", "-", contents.model)
    return click.echo(_write(contents, place))


def numbers(text: str, option: str) -> tuple[int, ...]:
    """`0,5,10-14` as numbers; −1 is the last. Raises ConfigError for anything else."""
    found: list[int] = []
    for part in text.split(","):
        ends = re.fullmatch(r"\s*(-?\d{1,9})(?:-(\d{1,9}))?\s*", part)
        if ends is None:
            raise ConfigError(f"{option} is '{text}'; give numbers and ranges such as 0,5,10-14")
        first, last = int(ends[1]), int(ends[2] or ends[1])
        if last < first:
            raise ConfigError(f"{option} has {part.strip()}; a range goes upwards")
        found += range(first, min(last, first + 100_000) + 1)
    return tuple(dict.fromkeys(found))


def _collected(reference: str, text: str, target: str | None, ask: "Ask", view: View) -> "Contents":
    import torch

    from practicum.interpret.look.collect import look
    from practicum.interpret.look.translation import look_at_translation
    from practicum.models.load import load
    from practicum.models.own_folder import kind_in
    from practicum.models.translators import KINDS, load_translator

    device = device_called(view.device)
    dtype: Any = None if view.dtype is None else getattr(torch, view.dtype)
    if kind_in(Path(reference).expanduser()) in KINDS:
        found = load_translator(reference, device=device, dtype=dtype)
        return look_at_translation(found, text, target, ask, device=device)
    if target is not None:
        raise ConfigError(f"{reference} is no translator; --target is for one")
    with showing_progress():
        loaded = load(reference, device=device, dtype=dtype)
    if loaded.tokenizer is None:
        raise ModelError(f"{loaded.source} has no tokenizer.json; put the model's one there")
    template = loaded.chat_template
    prompt = view.prompt(text)
    return look(loaded.name, loaded.model, loaded.tokenizer, prompt, ask, chat_template=template)


def _write(contents: "Contents", out: Path) -> Path:
    """Page and pictures; the page comes last, so that one that is there is whole."""
    from practicum.interpret.look.page import page
    from practicum.interpret.look.pictures import pictures
    from practicum.lab.pictures import save_picture

    place, prefix = out / "index.html", ""
    if out.suffix == ".html":
        place, prefix = out, f"{out.stem}-"
    place.parent.mkdir(parents=True, exist_ok=True)
    for name, picture in pictures(contents).items():
        save_picture(picture, place.with_name(f"{prefix}{name}.png"))
    write_page(place, page(contents))
    return place
