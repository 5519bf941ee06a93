"""A model made for vectors behind a server: beside the one that writes, and alone."""

import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy
import openai
import pytest
import torch
from sentence_folders import CONTEXT, WIDTH, plain_folder
from starlette.testclient import TestClient

from practicum.data.fetch import locate
from practicum.decoding.sentence_embedder import SentenceEmbedder
from practicum.errors import ConfigError
from practicum.models.sentence_folder import load_sentence_encoder
from practicum.serving.embeddings import Sentences
from practicum.serving.http import application
from practicum.serving.http_settings import HttpSettings
from practicum.serving.idle import Idle
from practicum.serving.server import Patience, Server, listening

ROUTE = "/v1/embeddings"


@pytest.fixture(scope="module")
def embedder(tmp_path_factory: pytest.TempPathFactory) -> SentenceEmbedder:
    folder = plain_folder(tmp_path_factory.mktemp("vec"))
    return SentenceEmbedder.of(load_sentence_encoder(str(folder)))


@pytest.fixture(scope="module")
def both(served, embedder) -> TestClient:
    """The model that writes, "tiny", and "vec" beside it."""
    sentences = Sentences(name="vec", embedder=embedder)
    return TestClient(application(served, HttpSettings(log=print), sentences))


@pytest.fixture(scope="module")
def alone(embedder) -> TestClient:
    sentences = Sentences(name="vec", embedder=embedder)
    return TestClient(application(None, HttpSettings(log=print, texts=3), sentences))


def asked(client: TestClient, text: object, model: str = "vec", **more: object):
    return client.post(ROUTE, json={"model": model, "input": text, **more})


def refused(answer, status: int) -> dict[str, str]:
    assert answer.status_code == status, answer.text
    return answer.json()["error"]


def test_each_model_makes_its_own_vectors_under_its_name(both, embedder):
    texts = ["a cat", "dogs!", "a cat"]
    told = asked(both, texts).json()
    vectors = torch.tensor([item["embedding"] for item in told["data"]])
    torch.testing.assert_close(vectors, embedder.embed(texts))
    assert told["model"] == "vec"
    assert told["usage"]["prompt_tokens"] == sum(len(embedder.row(text)) for text in texts)
    other = asked(both, texts, model="tiny").json()
    assert len(other["data"][0]["embedding"]) == 32 != WIDTH
    assert other["model"] == "tiny"


def test_both_models_are_listed_and_each_has_a_card(both, alone):
    assert [card["id"] for card in both.get("/v1/models").json()["data"]] == ["tiny", "vec"]
    assert both.get("/v1/models/vec").json()["id"] == "vec"
    assert [card["id"] for card in alone.get("/v1/models").json()["data"]] == ["vec"]
    for answer in (asked(both, "x", model="gpt"), both.get("/v1/models/gpt")):
        assert "this server has 'tiny' and 'vec'" in refused(answer, 404)["message"]


def test_base64_holds_the_same_numbers(alone):
    floats = asked(alone, "a cat").json()["data"][0]["embedding"]
    told = asked(alone, "a cat", encoding_format="base64").json()["data"][0]["embedding"]
    assert numpy.frombuffer(base64.b64decode(told), "<f4").tolist() == floats


def test_ids_are_read_as_the_text_they_are_of(alone, embedder):
    ids = embedder.tokenizer.encode("a cat")
    by_ids, by_text = (asked(alone, given).json()["data"][0] for given in (ids, "a cat"))
    assert by_ids == by_text
    outside = refused(asked(alone, [1, embedder.tokenizer.size]), 400)
    assert "is not in the vocabulary" in outside["message"]


def test_a_text_that_is_too_long_is_refused_and_the_longest_is_not(alone):
    assert asked(alone, "x " * (CONTEXT - 2)).status_code == 200
    for text in ("x " * (CONTEXT - 1), [7] * (CONTEXT - 1)):
        problem = refused(asked(alone, text), 400)
        assert problem["code"] == "context_length_exceeded"
        assert problem["param"] == "input"
        assert "39 tokens does not fit this embedder, which reads 38" in problem["message"]


def test_only_as_many_dimensions_as_there_are_may_be_asked_for(alone):
    assert asked(alone, "x", dimensions=WIDTH).status_code == 200
    assert "24 dimensions" in refused(asked(alone, "x", dimensions=8), 400)["message"]


def test_too_many_texts_are_refused(alone):
    assert asked(alone, ["a"] * 3).status_code == 200
    assert refused(asked(alone, ["a"] * 4), 400)["code"] == "too_many_texts"


def test_a_server_without_a_model_that_writes_is_well_and_has_no_chats(alone):
    assert alone.get("/health").json() == {"status": "ok"}
    assert "practicum_engine_waiting 0.0" in alone.get("/metrics").text
    for route in ("/v1/completions", "/v1/chat/completions"):
        assert "there is no route" in refused(alone.post(route, json={}), 404)["message"]
    assert ROUTE in alone.get("/openapi.json").json()["paths"]


def test_two_models_of_one_name_are_refused(served, embedder):
    with pytest.raises(ConfigError, match="two models are called 'tiny'"):
        application(served, sentences=Sentences(name="tiny", embedder=embedder))


def test_texts_of_several_clients_are_read_together(embedder):
    read: list[int] = []
    embed, started, go = embedder._read, threading.Event(), threading.Event()

    def counted(rows):
        started.set()
        go.wait(20)
        read.append(len(rows))
        return embed(rows)

    watched = SentenceEmbedder(
        embedder.model, embedder.tokenizer, embedder.pooling, longest=embedder.longest
    )
    watched._read = counted
    app = application(None, HttpSettings(log=print), Sentences(name="vec", embedder=watched))
    with TestClient(app) as client:  # one event loop for all
        threads = [
            threading.Thread(target=asked, args=(client, f"text {letter}")) for letter in "abcdef"
        ]
        threads[0].start()
        assert started.wait(20)
        for thread in threads[1:]:
            thread.start()
        threading.Timer(0.5, go.set).start()
        for thread in threads:
            thread.join()
    assert read == [1, 5]


@contextmanager
def running(sentences: Sentences) -> Iterator[str]:
    """A server of this alone on a free port; its address."""
    with listening("127.0.0.1", 0) as door:
        app = application(None, HttpSettings(log=print), sentences)
        server = Server(app, Idle(), Patience(drain=1.0))
        thread = threading.Thread(target=lambda: server.run(sockets=[door]))
        thread.start()
        try:
            yield f"http://127.0.0.1:{door.getsockname()[1]}/v1"
        finally:
            server.stop()
            thread.join()


def test_the_openai_client_gets_vectors_of_meaning():
    if locate("minilm") is None:
        pytest.skip("minilm is not on this machine: practicum data add minilm")
    loaded = SentenceEmbedder.of(load_sentence_encoder("minilm"))
    sentences = Sentences(name="minilm", embedder=loaded)
    with (
        running(sentences) as address,
        openai.OpenAI(base_url=address, api_key="none", timeout=20) as client,
    ):
        told = client.embeddings.create(
            model="minilm",
            input=[
                "A cat sleeps on the sofa.",
                "The kitten naps on a couch.",
                "Shares fell today.",
            ],
        )
    vectors = torch.tensor([item.embedding for item in told.data])
    alike, other, another = (vectors @ vectors.T).triu(1)[torch.triu(torch.ones(3, 3), 1) > 0]
    assert vectors.shape == (3, 384)
    assert torch.allclose(vectors.norm(dim=1), torch.ones(3))
    assert alike > 0.5 > max(other, another) + 0.3
