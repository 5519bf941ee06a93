"""A tiny model that never ends by itself, an engine on it, and a server in front of that."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import openai
import pytest
import torch
from loud import loud
from starlette.testclient import TestClient

from practicum.decoding.language_model import LanguageModel
from practicum.models.families.llama import llama
from practicum.serving.engine import Engine
from practicum.serving.http import application
from practicum.serving.http_settings import HttpSettings
from practicum.serving.served import Served
from practicum.serving.server import Patience, Server, listening
from practicum.serving.settings import Settings
from practicum.serving.worker import Worker
from practicum.tokenizers.bytes import ByteTokenizer
from practicum.tokenizers.chat import ChatTemplate

CONTEXT = 1024
TEMPLATE = (
    "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant:{% endif %}"
)


@pytest.fixture(scope="session")
def talker() -> LanguageModel:
    """Random weights, bytes as tokens, and no token that ends a text."""
    description = llama(
        width=32, depth=2, heads=4, kv_heads=2, hidden=48, vocab=257, context=CONTEXT
    )
    model = loud(description, times=6.0, dtype=torch.float32)
    return LanguageModel(model, ByteTokenizer(), ChatTemplate(TEMPLATE), ends=())


@contextmanager
def working(talker: LanguageModel, **settings: object) -> Iterator[Worker]:
    worker = Worker(Engine(talker, Settings(**{"rows": 8, "memory": 0.05, **settings})))
    try:
        yield worker
    finally:
        worker.close()


@pytest.fixture(scope="session")
def served(talker: LanguageModel) -> Iterator[Served]:
    with working(talker) as worker:
        yield Served.of("tiny", worker)


@pytest.fixture(scope="session")
def client(served: Served) -> TestClient:
    """Asks the application in this process, without a socket."""
    return TestClient(application(served, HttpSettings(log=print)))


@pytest.fixture(scope="session")
def ender(talker: LanguageModel) -> Iterator[TestClient]:
    """The same model, whose texts the tokenizer's end token ends."""
    spoken = LanguageModel(talker.model, talker.tokenizer, talker.chat_template)
    with working(spoken) as worker:
        yield TestClient(application(Served.of("tiny", worker), HttpSettings(log=print)))


@pytest.fixture
def client_with(served: Served):
    """The same under other settings."""
    return lambda **settings: TestClient(application(served, HttpSettings(**settings)))


@contextmanager
def serving(
    served: Served, settings: HttpSettings, patience: Patience, buffer: int | None = None
) -> Iterator[str]:
    """A server on a free port of this machine; its address. `buffer` is the system's, in bytes."""
    with listening("127.0.0.1", 0) as door:
        if buffer is not None:
            door.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
        server = Server(application(served, settings), served.worker, patience)
        thread = threading.Thread(target=lambda: server.run(sockets=[door]))
        thread.start()
        try:
            yield f"127.0.0.1:{door.getsockname()[1]}"
        finally:
            server.stop()
            thread.join()


@pytest.fixture
def serve(talker: LanguageModel):
    """Starts a server with an engine of its own: `with serve(patience=…, rows=…, …) as …`."""

    @contextmanager
    def start(
        *,
        http: HttpSettings | None = None,
        patience: Patience | None = None,
        buffer: int | None = None,
        **engine: object,
    ) -> Iterator[tuple[str, Worker]]:
        with working(talker, **engine) as worker:
            named = Served(name="tiny", worker=worker, fingerprint="fp_tiny")
            settings = http or HttpSettings(log=print)
            with serving(named, settings, patience or Patience(drain=1.0), buffer) as address:
                yield address, worker

    return start


@pytest.fixture(scope="session")
def running(talker: LanguageModel) -> Iterator[tuple[str, Worker]]:
    """A server for all tests that leave it as it was."""
    with working(talker) as worker:
        named = Served(name="tiny", worker=worker, fingerprint="fp_tiny")
        with serving(named, HttpSettings(log=print), Patience(drain=1.0)) as address:
            yield address, worker


@pytest.fixture
def ask(running) -> Iterator[openai.OpenAI]:
    """OpenAI's own client of it."""
    with openai.OpenAI(
        base_url=f"http://{running[0]}/v1", api_key="none", max_retries=0, timeout=20
    ) as client:
        yield client
