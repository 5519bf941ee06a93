"""`practicum serve`: a model behind the routes of OpenAI, for any client of theirs."""

import ipaddress
import logging
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from practicum.cli.copies import Copies
from practicum.cli.embedders import embedder_called
from practicum.cli.engine import Room
from practicum.cli.loading import Speaker, name_of
from practicum.cli.options import chosen, explained, naming, options_of
from practicum.errors import ConfigError

if TYPE_CHECKING:
    from practicum.serving.embeddings import Sentences
    from practicum.serving.http_settings import HttpSettings
    from practicum.serving.keys import Keys
    from practicum.serving.served import Served
    from practicum.serving.server import Patience

KEYS = "PRACTICUM_API_KEYS"
LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
FIELDS = {
    "HttpSettings.body_bytes": "--max-body",
    "HttpSettings.answer_seconds": "--timeout",
    "HttpSettings.requests_per_minute": "--requests-per-minute",
    "HttpSettings.tokens_per_minute": "--tokens-per-minute",
    "Patience.drain": "--drain",
}


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the server is reached, and by whom."""

    host: str = explained("127.0.0.1", "Address to listen on; 0.0.0.0 is every one.")
    port: int = explained(8000, "0 is any free one.")
    name: str | None = explained(None, "What clients call the model. [default: as --model]")
    key_file: str | None = explained(None, f"Keys, one a line: KEY or NAME KEY. Or set {KEYS}.")
    open: bool = explained(False, "Let everybody ask who reaches the server, without a key.")
    allow_host: tuple[str, ...] = explained((), "A name more that it answers to without keys.")

    def keys(self) -> "Keys":
        """The keys of the file and of the environment."""
        from practicum.serving.keys import Keys, keys_of

        held = keys_of(os.environ.get(KEYS, "").replace(",", "\n").splitlines())
        if self.key_file is not None:
            held = Keys(held.digests + self._keys_in(self.key_file).digests)
        if not held and not self.open and not self.local:
            raise ConfigError(
                f"--host {self.host} can be reached from other machines; give --key-file (or "
                f"{KEYS}), or --open to let everybody ask"
            )
        return held

    def _keys_in(self, file: str) -> "Keys":
        from practicum.serving.keys import read_keys

        try:
            return read_keys(file)
        except UnicodeDecodeError as problem:
            raise ConfigError(
                f"{file} is not UTF-8 (byte {problem.start}); expected a key a line: KEY or NAME "
                "KEY"
            ) from problem

    @property
    def local(self) -> bool:
        """Whether only this machine reaches it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def hosts(self, keys: "Keys") -> frozenset[str] | None:
        """The names it answers to; None: any.

        Without keys a page in a browser here might ask under a name that it has led here.
        """
        if keys or not self.local:
            return None
        return LOCAL_NAMES | {self.host.lower()} | {name.lower() for name in self.allow_host}


@dataclass(frozen=True, kw_only=True)
class Beside:
    """A model beside the one that writes."""

    embedder: str | None = explained(
        None,
        "Answers /v1/embeddings under its own name: a folder, an asset such as minilm, or a hub "
        "name. Without --model it is all that answers.",
    )

    @property
    def alone(self) -> bool:
        """Whether there is no model that writes."""
        source = click.get_current_context().get_parameter_source("model")
        return self.embedder is not None and source is ParameterSource.DEFAULT


@dataclass(frozen=True, kw_only=True)
class Allowance:
    """What clients may do."""

    max_waiting: int = explained(256, "Questions that may wait; of more, 429 is said.")
    max_body: int = explained(4 * 2**20, "Bytes of a request.")
    timeout: float = explained(600.0, "Seconds after which an answer is given up.")
    requests_per_minute: float | None = explained(None, "Of one key, or one address.")
    tokens_per_minute: float | None = explained(None, "Read and written, likewise.")
    drain: float = explained(30.0, "Seconds that running answers have when the server ends.")
    log: str = explained("-", "File for a line of JSON per request; - is standard error.")
    log_prompts: bool = explained(False, "Write what is asked into the log, too.")


@click.command()
@options_of(Speaker)
@options_of(Beside)
@options_of(Place)
@options_of(Allowance)
@options_of(Room)
@options_of(Copies)
def command() -> None:
    """Answer over HTTP as OpenAI does: chats, completions, embeddings.

    Point any of their clients at it: OpenAI(base_url="http://127.0.0.1:8000/v1", api_key="none").
    SIGTERM and Ctrl-C end it once the running answers are finished, a second Ctrl-C at once.
    """
    place, allowance = chosen(Place), chosen(Allowance)
    copies, alone = chosen(Copies), chosen(Beside).alone
    copies.check()
    if alone and copies.replicas > 1:
        raise ConfigError("--replicas copies the model that writes; give --model, too")
    room = chosen(Room)
    if not alone:
        room.check(allowance.max_waiting)
    keys = place.keys()
    settings, patience = _settings(allowance, keys, place.hosts(keys)), _patience(allowance)
    door = _door(place)  # before the model: that the port is taken is known at once
    with door:
        sentences = _sentences(place, alone, allowance.max_waiting)
        served = None if alone else _served(place, room, allowance.max_waiting)
        _serve(served, sentences, settings, door, patience)


def _settings(allowance: Allowance, keys: "Keys", hosts: frozenset[str] | None) -> "HttpSettings":
    from practicum.serving.http_settings import HttpSettings

    with naming(FIELDS):
        return HttpSettings(
            keys=keys,
            hosts=hosts,
            body_bytes=allowance.max_body,
            answer_seconds=allowance.timeout,
            requests_per_minute=allowance.requests_per_minute,
            tokens_per_minute=allowance.tokens_per_minute,
            log=_log(allowance.log),
            log_prompts=allowance.log_prompts,
        )


def _patience(allowance: Allowance) -> "Patience":
    from practicum.serving.server import Patience

    with naming(FIELDS):
        return Patience(drain=allowance.drain)


def _log(path: str) -> Callable[[str], None]:
    """Writes lines to standard error, or at the end of a file."""
    if path == "-":
        return lambda line: click.echo(line, err=True)

    def write(line: str) -> None:
        with open(path, "a", encoding="utf-8") as file:  # anew each time: logs are moved away
            file.write(f"{line}\n")

    open(path, "a").close()  # that it cannot be written is known at once
    return write


def _door(place: Place) -> socket.socket:
    from practicum.serving.server import listening

    return listening(place.host, place.port)


def _served(place: Place, room: Room, waiting: int) -> "Served":
    speaker = chosen(Speaker)
    return chosen(Copies).served(_name_of_writer(place), speaker, room, waiting)


def _name_of_writer(place: Place) -> str:
    return place.name or name_of(chosen(Speaker).model)


def _sentences(place: Place, alone: bool, waiting: int) -> "Sentences | None":
    from practicum.serving.embeddings import Sentences

    embedder = chosen(Beside).embedder
    if embedder is None:
        return None
    name = place.name if alone and place.name else name_of(embedder)
    if not alone and name == _name_of_writer(place):
        raise ConfigError(f"both models are called '{name}'; give the one that writes a --name")
    loaded = embedder_called(embedder, chosen(Speaker))
    return Sentences(name=name, embedder=loaded, waiting=waiting)


def _serve(
    served: "Served | None",
    sentences: "Sentences | None",
    settings: "HttpSettings",
    door: socket.socket,
    patience: "Patience",
) -> None:
    from practicum.serving.http import application
    from practicum.serving.idle import Idle
    from practicum.serving.request_log import LogLines
    from practicum.serving.server import Server

    assert settings.log is not None, "the command line always gives one"
    for name in ("uvicorn.error", "asyncio"):  # bad requests, and what nobody foresaw
        logging.getLogger(name).addHandler(LogLines(settings.log))
        logging.getLogger(name).propagate = False

    host, port = door.getsockname()[:2]
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    who = "with a key" if settings.keys else "without keys"
    names = [model.name for model in (served, sentences) if model is not None]
    verb = "answers" if len(names) == 1 else "answer"
    what = f"{' and '.join(names)} {verb}"
    app = application(served, settings, sentences)
    click.echo(f"{what} at http://{where}/v1, {who}; Ctrl-C ends it", err=True)
    server = Server(app, Idle() if served is None else served.worker, patience)
    server.run(sockets=[door])
