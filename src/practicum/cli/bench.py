"""`practicum bench`: how fast something is here, measured as its user meets it."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from practicum.cli.engine import Room
from practicum.cli.loading import Speaker, name_of
from practicum.cli.options import chosen, explained, options_of
from practicum.cli.render import json_option, print_json, print_table, showing_progress
from practicum.errors import ConfigError

if TYPE_CHECKING:
    from practicum.serving.stated_load import Measured, StatedLoad


@dataclass(frozen=True, kw_only=True)
class Asking:
    """The load, as `serving.stated_load.StatedLoad`."""

    clients: tuple[int, ...] = explained(
        (), "Clients at once; several times for several loads. [default: 1, 4, 16]"
    )
    requests: int = explained(3, "Questions of each client, one after the other.")
    words: int = explained(25, "Words of a prompt.")
    tokens: int = explained(64, "Tokens of an answer, at most.")
    seed: int = explained(0, "Other prompts.")
    text: bool = explained(False, "Let a text be continued; for models not made for chats.")

    def loads(self) -> "list[StatedLoad]":
        """One for each number of clients."""
        from practicum.serving.stated_load import StatedLoad

        plain = StatedLoad(
            requests=self.requests,
            words=self.words,
            tokens=self.tokens,
            seed=self.seed,
            chat=not self.text,
        )
        return [replace(plain, clients=count) for count in self.clients or (1, 4, 16)]


@click.group()
def command() -> None:
    """How fast something is here."""


@command.command()
@click.option("--url", help="A server up to /v1; without one, --model is served for the time.")
@click.option("--key", envvar="OPENAI_API_KEY", help="Its API key. [env: OPENAI_API_KEY]")
@click.option("--plot", type=click.Path(dir_okay=False), help="A .png file for the picture.")
@options_of(Speaker)
@options_of(Room)
@options_of(Asking)
@json_option
def serve(url: str | None, key: str | None, plot: str | None, as_json: bool) -> None:
    """A server under load: tokens a second, time to the first text, time between pieces of text.

    Measures any server with OpenAI's routes. Seconds; p50, p90 and p99 are percentiles.
    """
    if plot is not None and Path(plot).suffix != ".png":
        raise ConfigError(f"--plot is {plot}; expected a .png file")
    if plot is not None and not Path(plot).parent.is_dir():
        raise ConfigError(f"no folder {Path(plot).parent} to write {Path(plot).name} in")
    loads = chosen(Asking).loads()
    place = nullcontext(_checked(url)) if url is not None else _served()
    found: list[Measured] = []
    try:
        with showing_progress(), place as here:
            asyncio.run(_measure(here, loads, key if url is not None else None, found))
    finally:  # what was measured is shown, whatever ended it
        if found:
            _show(found, plot, as_json)


def _show(found: "list[Measured]", plot: str | None, as_json: bool) -> None:
    if as_json:
        print_json([one.row() for one in found])
    else:
        _print(found)
    if plot is not None:
        _draw(found, Path(plot))


def _checked(url: str) -> str:
    """The address of a server. Raises ConfigError where it cannot be one."""
    from practicum.serving.remote import is_address

    if not is_address(url):
        raise ConfigError(f"--url is '{url}'; expected one such as http://127.0.0.1:8000/v1")
    return url


def _print(found: "list[Measured]") -> None:
    print_table([_line(one) for one in found])
    for one in found:
        if one.problem is not None:
            click.echo(
                f"{one.failed} of {one.failed + one.answers} failed: {one.problem}", err=True
            )


async def _measure(
    url: str, loads: "list[StatedLoad]", key: str | None, found: "list[Measured]"
) -> None:
    """Put the server under one load after the other; each adds to `found`."""
    from practicum.serving.stated_load import under_load

    warm = replace(loads[0], clients=1, requests=1, words=8, tokens=4, seed=-1)
    await under_load(url, warm, key=key)
    for load in loads:
        found.append(await under_load(url, load, key=key))


@contextmanager
def _served() -> Iterator[str]:
    """`--model` behind a free port of this machine, in this process; its URL."""
    from practicum.serving.http import application
    from practicum.serving.http_settings import HttpSettings
    from practicum.serving.served import Served
    from practicum.serving.server import Patience, Server, listening

    speaker, room = chosen(Speaker), chosen(Room)
    room.check()
    with listening("127.0.0.1", 0) as door:
        model = speaker.read()
        if model.chat_template is None and not chosen(Asking).text:
            raise ConfigError(f"{speaker.model} is not made for chats; give --text")
        served = Served.of(name_of(speaker.model), room.worker(model))
        server = Server(application(served, HttpSettings()), served.worker, Patience())
        thread = threading.Thread(target=server.run, kwargs={"sockets": [door]}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{door.getsockname()[1]}/v1"
        finally:
            server.stop()
            thread.join()
            served.worker.close()


def _line(found: "Measured") -> dict[str, object]:
    """A row of the table."""
    row = found.row()
    shown = ("clients", "answers", "failed", "tokens_per_second")
    times = ("first_text_p50", "first_text_p90", "between_pieces_p50", "between_pieces_p99")
    return {name: row.get(name) for name in (*shown, *times)}


def _draw(found: "list[Measured]", path: Path) -> None:
    from practicum.lab.pictures import save_picture
    from practicum.serving.load_picture import load_picture

    save_picture(load_picture(found), path)
    click.echo(f"wrote {path}", err=True)
