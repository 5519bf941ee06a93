"""Many questions at once, and which tokens a text is made of."""

import asyncio

import pytest

from practicum.decoding.chooser import Choice
from practicum.decoding.sampling import Sampling
from practicum.errors import Busy, ModelError
from practicum.serving.answering import TokensOfText, heard, whole
from practicum.serving.question import Question
from practicum.serving.request_log import Record
from practicum.tokenizers.bytes import ByteTokenizer


def questions(count, tokens=5):
    return [
        Question(ids=(65, 66), sampling=Sampling(max_tokens=tokens, seed=seed))
        for seed in range(count)
    ]


def test_completions_come_in_the_order_of_their_questions(served, talker):
    record = Record()
    found = asyncio.run(whole(served.worker, questions(5), record))
    alone = [next(talker.generate(["AB"], q.sampling)) for q in questions(5)]
    assert [c.ids for c in found] == [c.ids for c in alone]
    assert record.completion_tokens == 25
    assert record.first_token is not None


def test_who_stops_listening_has_cancelled_everything(served):
    async def listen():
        events = heard(served.worker, questions(4, tokens=900), Record())
        await anext(events)
        await events.aclose()
        while served.worker.load.blocks_used:
            await asyncio.sleep(0.01)

    before = served.worker.load.cancelled
    asyncio.run(asyncio.wait_for(listen(), 10))
    assert served.worker.load.cancelled == before + 4


def test_one_that_fails_ends_all(served):
    bad = Question(ids=(999,), sampling=Sampling())
    with pytest.raises(ModelError, match="token 999"):
        asyncio.run(whole(served.worker, [*questions(2, tokens=900), bad], Record()))
    with pytest.raises(Busy):
        asyncio.run(whole(served.worker, questions(300), Record()))


def test_tokens_belong_to_a_text_that_begin_within_it():
    tokens = TokensOfText(ByteTokenizer(), frozenset({256}))
    choices = [Choice(byte, -1.0, ()) for byte in "aé🙂!".encode()]
    assert tokens.push("", choices[:2]) == []
    assert [(c.id, place) for c, place in tokens.push("a", ())] == [(97, 0)]
    assert [place for _, place in tokens.push("é🙂", choices[2:])] == [1, 1, 2, 2, 2, 2]
    assert tokens.push("", [Choice(256, -1.0, ())]) == []  # of the stop "!" and of the end
