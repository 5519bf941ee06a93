"""The engine's thread as an event loop sees it."""

import asyncio
from contextlib import aclosing, contextmanager

import pytest
import torch

from practicum.decoding.generate import Completion
from practicum.decoding.language_model import LanguageModel
from practicum.decoding.sampling import Sampling
from practicum.errors import Busy, ModelError
from practicum.models.build import build
from practicum.models.families.gpt2 import gpt2
from practicum.serving.engine import Engine
from practicum.serving.question import Question
from practicum.serving.settings import Settings
from practicum.serving.worker import Worker
from practicum.tokenizers.bytes import ByteTokenizer

ASKED = Question(ids=(65, 66, 67), sampling=Sampling(temperature=0.0, max_tokens=20))
ENDLESS = Question(ids=(65, 66), sampling=Sampling(temperature=0.0, max_tokens=10_000))


@pytest.fixture(scope="module")
def model():
    size = ByteTokenizer().size
    network = build(gpt2(width=32, depth=2, heads=4, vocab=size, context=4000), seed=3)
    return LanguageModel(network, ByteTokenizer(), ends=())


@contextmanager
def working(model, **settings):
    worker = Worker(Engine(model, Settings(**settings)))
    try:
        yield worker
    finally:
        worker.close()


async def _heard(worker, question):
    return [what async for what in worker.answer(question)]


async def _until(holds):
    for _ in range(2000):
        if holds():
            return
        await asyncio.sleep(0.005)
    pytest.fail("it never came to that")


def test_answers_come_piece_by_piece_each_to_its_own_ear(model):
    async def talk(worker):
        return await asyncio.gather(*(_heard(worker, ASKED) for _ in range(5)))

    with working(model, rows=2) as worker:
        answers = asyncio.run(talk(worker))
    wanted = next(Engine(model).answers([ASKED]))
    for *pieces, end in answers:
        assert isinstance(end, Completion)
        assert end.ids == wanted.ids
        assert "".join(piece.text for piece in pieces) == wanted.text
    assert worker.engine.memory.blocks.used == 0


def test_who_stops_listening_has_cancelled(model):
    async def talk(worker):
        async with aclosing(worker.answer(ENDLESS)) as pieces:
            async for _ in pieces:
                break
        task = asyncio.ensure_future(_heard(worker, ENDLESS))
        await _until(lambda: worker.load.writing == 1 and worker.load.said_tokens > 3)
        task.cancel()
        await _until(lambda: worker.engine.idle)

    with working(model) as worker:
        asyncio.run(talk(worker))
        assert worker.load.cancelled == 2
        assert worker.load.blocks_used == 0


def test_more_than_may_wait_are_told_at_once(model):
    async def talk(worker):
        tasks = [asyncio.ensure_future(_heard(worker, ENDLESS))]
        await _until(lambda: worker.load.writing == 1)
        tasks += [asyncio.ensure_future(_heard(worker, ENDLESS)) for _ in range(2)]
        await _until(lambda: worker.load.waiting == 2)
        with pytest.raises(Busy):
            await _heard(worker, ASKED)
        for task in tasks:
            task.cancel()

    with working(model, rows=1, waiting=2) as worker:
        asyncio.run(talk(worker))


def test_of_many_that_come_at_once_no_more_are_let_in_than_may_wait(model):
    async def talk(worker):
        tasks = [asyncio.ensure_future(_heard(worker, ENDLESS)) for _ in range(9)]
        done, left = await asyncio.wait(tasks, timeout=2)
        for task in left:
            task.cancel()
        assert all(isinstance(task.exception(), Busy) for task in done)
        assert len(left) <= 3

    with working(model, rows=1, waiting=2) as worker:
        asyncio.run(talk(worker))


def test_a_closed_worker_answers_nothing_more(model):
    with working(model) as worker:
        worker.close()
        with pytest.raises(ModelError, match="closing"):
            asyncio.run(_heard(worker, ASKED))


def test_closing_ends_what_is_being_answered(model):
    async def talk(worker):
        long = asyncio.ensure_future(_heard(worker, ENDLESS))
        await _until(lambda: worker.load.asked == 1)
        await asyncio.to_thread(worker.close)
        with pytest.raises(ModelError, match="closing"):
            await long

    with working(model) as worker:
        asyncio.run(talk(worker))


def test_an_engine_that_breaks_leaves_nobody_waiting(model, monkeypatch):
    async def talk(worker):
        task = asyncio.ensure_future(_heard(worker, ENDLESS))
        await _until(lambda: worker.load.said_tokens > 2)
        monkeypatch.setattr(worker.engine.model, "logits", lambda _: torch.zeros(()) / "x")
        with pytest.raises(ModelError, match="engine has stopped: TypeError"):
            await task
        with pytest.raises(ModelError, match="engine has stopped"):
            await _heard(worker, ASKED)

    with working(model) as worker:
        asyncio.run(talk(worker))
        assert "TypeError" in str(worker.problem)
