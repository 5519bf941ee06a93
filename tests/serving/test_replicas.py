"""`practicum serve --replicas 2` as its clients see it, and a process that is killed.

The processes are real, so that one server is for all tests, in the order they stand in.
"""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import openai
import psutil
import pytest

from practicum.decoding.chooser import Choice
from practicum.decoding.language_model import LanguageModel
from practicum.decoding.sampling import Sampling
from practicum.errors import ModelError
from practicum.models.build import build
from practicum.models.families.llama import llama
from practicum.models.hugging_face import write_folder
from practicum.serving.engine import Engine
from practicum.serving.host import Fault
from practicum.serving.replicas import RayReplica
from practicum.serving.spread import Lost
from practicum.tokenizers.bytes import ByteTokenizer

KEY = "sk-0123456789abcdef"
SHAPE = {"width": 24, "depth": 2, "heads": 3, "kv_heads": 3, "hidden": 32}
START = "import sys; from practicum.cli.main import main; main(sys.argv[1:])"


def tiny():
    model = build(llama(**SHAPE, vocab=257, context=4096), seed=1)
    return LanguageModel(model, ByteTokenizer())


class Running:
    """A server in processes of its own."""

    def __init__(self, process: subprocess.Popen, temporary: Path, address: str) -> None:
        self.process, self.temporary, self.address = process, temporary, address

    @property
    def hosts(self) -> set[int]:
        """The replicas' processes."""
        return {one.pid for one in self.family if "ServeReplica" in "".join(one.cmdline())}

    @property
    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    @property
    def health(self) -> dict[str, object]:
        with urllib.request.urlopen(self.address.removesuffix("/v1") + "/health") as answer:
            return json.load(answer)

    def number(self, name: str) -> float:
        asked = urllib.request.Request(
            self.address.removesuffix("/v1") + "/metrics",
            headers={"authorization": f"Bearer {KEY}"},
        )
        with urllib.request.urlopen(asked) as answer:
            text = answer.read().decode()
        return float(text.split(f"\npracticum_engine_{name} ")[1].split()[0])


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    pytest.importorskip("ray", reason="needs the extra practicum[replicas]")
    place = tmp_path_factory.mktemp("replicas")
    write_folder(tiny().model, place / "small", tokenizer=ByteTokenizer())
    (place / "keys").write_text(f"me {KEY}\n")
    arguments = ["--port", "0", "--log", str(place / "log"), "--key-file", str(place / "keys")]
    engine = ["--replicas", "2", "--rows", "2", "--memory", "0.05", "--max-waiting", "6"]
    temporary = Path("/tmp") / f"r{os.getpid()}"  # paths of sockets have to be short
    temporary.mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", START, "serve", "--model", "small", *arguments, *engine],
        stderr=subprocess.PIPE,
        text=True,
        cwd=place,
        env={**os.environ, "PRACTICUM_NATIVE": "0", "TMPDIR": str(temporary)},
    ) as process:
        try:
            said = next(line for line in process.stderr if "answers at" in line)
            yield Running(process, temporary, said.split("answers at ")[1].split(",")[0])
        finally:
            if process.poll() is None:
                for one in psutil.Process(process.pid).children(recursive=True):
                    one.kill()
                process.kill()
            shutil.rmtree(temporary)


@pytest.fixture
def client(server):
    with openai.OpenAI(base_url=server.address, api_key=KEY, max_retries=0, timeout=60) as client:
        yield client


def until(holds, seconds=30.0):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)


def long(client, prompt, tokens=4000, **more):
    """Thousands of tokens; the model hardly ever ends by itself."""
    return client.completions.create(
        model="small", prompt=prompt, max_tokens=tokens, temperature=0, **more
    )


class Handle:
    """What `RayReplica` sees of Ray: `handle.score.remote(…)`, which is awaited or cancelled."""

    def __init__(self, found):
        self.score, self.found, self.cancelled = self, found, False

    def remote(self, ids, top):
        self.given = (ids, top)
        return self

    def cancel(self):
        self.cancelled = True

    async def _wait(self):
        if isinstance(self.found, Exception):
            raise self.found
        return await asyncio.sleep(1000) if self.found is None else self.found

    def __await__(self):
        return self._wait().__await__()


def test_scores_come_through_a_handle_and_faults_are_errors_again():
    found = [Choice(66, -1.0, ())]
    handle = Handle(found)
    assert asyncio.run(RayReplica(handle).score((65, 66), 0)) == found
    assert handle.given == ((65, 66), 0)
    with pytest.raises(ModelError, match="too long"):
        asyncio.run(RayReplica(Handle(Fault.of(ModelError("too long")))).score((65,), 0))
    with pytest.raises(Lost, match="RuntimeError"):
        asyncio.run(RayReplica(Handle(RuntimeError("the actor died"))).score((65,), 0))
    forever = Handle(None)
    with pytest.raises(TimeoutError):
        asyncio.run(asyncio.wait_for(RayReplica(forever).score((65,), 0), 0.05))
    assert forever.cancelled


@pytest.mark.slow("two processes more are started, each with torch, and one of them again")
def test_answers_are_those_of_one_engine(server, client):
    assert len(server.hosts) == 2
    prompts = [f"{number} times" for number in range(6)]

    def say(prompt):
        return client.completions.create(model="small", prompt=prompt, max_tokens=30, seed=4)

    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(say, prompts))
    wanted = tiny().generate(prompts, Sampling(max_tokens=30, seed=4))
    for one in wanted:
        assert answers[one.index].choices[0].text == one.text
    streamed = client.completions.create(
        model="small", prompt=prompts[0], max_tokens=30, seed=4, stream=True
    )
    assert "".join(one.choices[0].text for one in streamed) == answers[0].choices[0].text
    until(lambda: server.number("asked_total") == 7)
    texts = ["a cat", "no cat at all", "cats"]
    vectors = client.embeddings.create(model="small", input=texts).data
    means = Engine(tiny()).embed([tiny().encode_prompt(text) for text in texts])
    for vector, mean in zip(vectors, means, strict=True):
        assert vector.embedding == pytest.approx((mean / mean.norm()).tolist(), abs=1e-5)
    scored = client.completions.create(
        model="small", prompt=texts, max_tokens=0, echo=True, logprobs=1
    )
    for choice, text in zip(scored.choices, texts, strict=True):
        (wanted,) = tiny().loglikelihood([(text[0], text[1:])])
        assert choice.logprobs.token_logprobs[1:] == pytest.approx(wanted.tokens, abs=1e-4)
    assert server.health == {"status": "ok", "replicas": 2, "ready": 2}
    with pytest.raises(openai.AuthenticationError):
        client.with_options(api_key="wrong").models.list()


def test_closing_a_stream_frees_the_memory_of_its_replica(server, client):
    before = server.number("cancelled_total")
    streams = [long(client, prompt, stream=True) for prompt in ("one", "another")]
    for stream in streams:
        next(iter(stream))
    until(lambda: server.number("blocks_used") > 0)
    for stream in streams:
        stream.close()
    until(lambda: server.number("blocks_used") == server.number("writing") == 0)
    assert server.number("cancelled_total") == before + 2


def test_the_limit_of_waiting_questions_is_that_of_all(server, client):
    streams = [long(client, [str(number)] * 2, stream=True) for number in range(2)]
    for stream in streams:  # four are written
        next(iter(stream))
    with ThreadPoolExecutor(1) as threads:
        late = threads.submit(long, client, ["late"] * 4, stream=True)
        until(lambda: server.number("waiting") == 4)
        with pytest.raises(openai.RateLimitError) as refused:
            long(client, ["more"] * 3)
        assert refused.value.code == "engine_overloaded"
        for stream in streams:
            stream.close()
        late.result().close()
    until(lambda: server.number("blocks_used") == 0)


def test_a_killed_replica_takes_its_answers_alone_and_comes_back(server, client):
    blocks = server.number("blocks")
    hosts = server.hosts
    with ThreadPoolExecutor(2) as threads:
        asked = [threads.submit(long, client, str(number), tokens=2000) for number in range(2)]
        until(lambda: server.number("writing") == 2)
        killed = min(hosts)
        os.kill(killed, signal.SIGKILL)
        until(lambda: server.health == {"status": "ok", "replicas": 2, "ready": 1})
        problems = [one.exception() for one in asked]
    assert sorted(problem is None for problem in problems) == [False, True]
    (problem,) = filter(None, problems)
    assert isinstance(problem, openai.InternalServerError)
    assert (problem.status_code, problem.code) == (503, "engine_unavailable")
    for _ in range(3):  # the other goes on
        client.completions.create(model="small", prompt="x", max_tokens=3)
    until(lambda: len(server.hosts - {killed}) == 2 and server.number("blocks") == blocks, 60)
    until(lambda: server.health["ready"] == 2)
    streams = [long(client, str(number), stream=True) for number in range(2)]
    for stream in streams:
        next(iter(stream))
    until(lambda: server.number("writing") == 2)
    for stream in streams:
        stream.close()


def test_a_server_with_replicas_ends_when_all_is_said(server, client):
    family = server.family
    stream = client.completions.create(
        model="small", prompt="x", max_tokens=300, seed=3, stream=True
    )
    next(iter(stream))
    server.process.send_signal(signal.SIGTERM)
    assert list(stream)[-1].choices[0].finish_reason in ("stop", "length")
    assert server.process.wait(30) == 0
    psutil.wait_procs(family, timeout=10)
    assert not [one for one in family if one.is_running()]
    assert list(server.temporary.iterdir()) == []
