"""What a replica's process says, without another process."""

import asyncio
import pickle

import pytest
import torch

from practicum.decoding.draft_model import DraftModel
from practicum.decoding.sampling import Sampling
from practicum.errors import Busy, ConfigError, GivenUp, ModelError
from practicum.serving.engine import Engine
from practicum.serving.host import Fault, Host
from practicum.serving.question import Question
from practicum.serving.settings import Settings
from practicum.serving.spread import Lost
from practicum.serving.worker import Worker


def failing():
    raise ConfigError("no such model")


def test_errors_are_the_same_on_the_other_side():
    for problem in (Busy(3, 2.5), GivenUp("late"), Lost("gone"), ConfigError("bad")):
        again = Fault.of(problem).error
        assert type(again) is type(problem)
        assert (str(again), vars(again)) == (str(problem), vars(problem))
    assert str(Fault.of(ValueError("x")).error) == "ValueError: x"


def test_a_host_says_what_its_worker_says_and_errors_last(talker):
    drafts = DraftModel(model=talker.model, coupled=True)
    worker = Worker(Engine(talker, Settings(rows=2, memory=0.05, drafts=drafts)))
    host = Host(lambda: worker, threads=torch.get_num_threads())

    async def said(*ids):
        question = Question(ids=ids, sampling=Sampling(max_tokens=9, temperature=0))
        return [what async for what in host.answer(question)]

    async def talk():
        facts, state = await host.facts(), await host.state()
        vectors = await host.embed([[65], [66]])
        scores = await host.score((65, 66, 67), 2), await host.score((65, 999), 2)
        return await said(65, 66), await said(999), facts, state, vectors, scores

    (*pieces, end), (fault,), facts, state, vectors, scores = asyncio.run(talk())
    (wanted,) = talker.generate(["AB"], Sampling(max_tokens=9, temperature=0))
    assert end.ids == wanted.ids
    assert "".join(piece.text for piece in pieces) == end.text
    assert isinstance(fault.error, ModelError)
    assert "token 999" in str(fault.error)
    assert (facts.context, facts.ends, state.load.blocks_used) == (1024, frozenset(), 0)
    assert (facts.settings.rows, facts.settings.drafts) == (2, None)  # no weights come along
    assert pickle.loads(pickle.dumps(facts)).description == talker.model.description
    assert torch.tensor(vectors).shape == (2, 32)
    assert [(choice.id, len(choice.top)) for choice in scores[0]] == [(66, 2), (67, 2)]
    assert "token 999" in str(scores[1].error)
    host.check_health()
    worker.close()


def test_a_host_whose_worker_cannot_be_made_says_why():
    host = Host(failing, threads=torch.get_num_threads())
    host.check_health()  # it is not started anew before somebody has heard why

    async def faults():
        question = Question(ids=(65,), sampling=Sampling())
        said = [what async for what in host.answer(question)]
        return [
            *said,
            await host.facts(),
            await host.state(),
            await host.embed([[1]]),
            await host.score((1,), 0),
        ]

    for fault in asyncio.run(faults()):
        assert isinstance(fault, Fault)
        assert str(fault.error) == "no such model"
    with pytest.raises(ConfigError, match="no such model"):
        host.check_health()
