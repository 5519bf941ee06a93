"""Which replica is asked, and what is heard when one ends; the replicas here are no processes."""

import asyncio
import threading
from contextlib import aclosing

import pytest
from starlette.testclient import TestClient

from practicum.decoding.chooser import Choice
from practicum.decoding.generate import Completion
from practicum.decoding.sampling import Sampling
from practicum.errors import Busy, ModelError
from practicum.serving import spread as spread_file
from practicum.serving.answering import heard, whole
from practicum.serving.http import application
from practicum.serving.load import Load
from practicum.serving.question import Piece, Question
from practicum.serving.request_log import Record
from practicum.serving.served import Served
from practicum.serving.settings import Settings
from practicum.serving.spread import Lost, Seat, Spread, State, best

IDLE = Load(**dict.fromkeys(Load.__dataclass_fields__, 0))

END = Completion(index=0, text="a", ids=(97,), logprobs=None, top_logprobs=None, finish="length")


def asked(*ids):
    return Question(ids=ids or (1, 2, 3, 4), sampling=Sampling(max_tokens=3))


class Standing:
    """A replica that says one piece, and its end once it is let."""

    def __init__(self):
        self.questions, self.left = [], 0
        self.lost = threading.Event()
        self.free = threading.Event()
        self.now = State(life="first", load=IDLE, pace=1.0)

    async def answer(self, question):
        self.questions.append(question)
        try:
            yield Piece(text="a", choices=())
            while not self.free.is_set():
                if self.lost.is_set():
                    raise Lost("it has ended")
                await asyncio.sleep(0.001)
            yield END
        finally:
            self.left += 1

    def state(self):
        if self.lost.is_set():
            raise Lost("it has ended")
        return self.now

    def embed(self, texts):
        return [[1.0, 2.0] for _ in texts]

    async def score(self, ids, top):
        self.questions.append(ids)
        while not self.free.is_set():
            if self.lost.is_set():
                raise Lost("it has ended")
            await asyncio.sleep(0.001)
        return [Choice(id, -1.0, ()) for id in ids[1:]]


@pytest.fixture(autouse=True)
def _often(monkeypatch):
    monkeypatch.setattr(spread_file, "OFTEN", 0.01)


@pytest.fixture
def pair():
    return [Standing(), Standing()]


@pytest.fixture
def spread(pair, talker):
    stopped = []
    settings = Settings(rows=1, waiting=4, block=2)
    both = Spread(pair, talker, settings, talker.context, lambda: stopped.append(True))
    yield both
    both.close()
    both.close()
    assert stopped == [True]


async def until(holds):
    for _ in range(2000):
        if holds():
            return
        await asyncio.sleep(0.002)
    pytest.fail("it never came to that")


def test_the_least_loaded_is_asked_and_among_equals_who_knows_the_beginning(pair):
    first, second = (Seat(replica, block=2) for replica in pair)
    assert best([first, second], (1, 2)) is first
    first.asked = 1
    assert best([first, second], (1, 2)) is second
    first.beginnings.add((1, 2, 3))
    assert best([first, second], (1, 2, 9)) is first
    first.open = 1
    assert best([first, second], (1, 2, 9)) is second
    second.problem = Lost("gone")
    assert best([first, second], (1, 2, 9)) is first
    first.problem = Lost("gone, too")
    with pytest.raises(Lost, match="no replica answers"):
        best([first, second], (1, 2, 9))


def test_questions_go_to_all_and_equal_beginnings_to_one(spread, pair):
    async def talk():
        both = asyncio.ensure_future(whole(spread, [asked(1, 2, 3), asked(1, 2, 3)], Record()))
        await until(lambda: all(len(one.questions) == 1 for one in pair))
        for one in pair:
            one.free.set()
        await both
        await whole(spread, [asked(7, 7)], Record())
        await whole(spread, [asked(8, 8)], Record())
        for _ in range(3):
            await whole(spread, [asked(8, 8, 8)], Record())

    asyncio.run(talk())
    assert sorted(len(one.questions) for one in pair) == [2, 5]
    assert [seat.open for seat in spread.seats] == [0, 0]


def test_who_stops_listening_has_closed_the_answer_of_the_replica(spread, pair):
    async def talk():
        async with aclosing(heard(spread, [asked(), asked()], Record())) as events:
            await anext(events)
        assert sum(one.left for one in pair) == sum(len(one.questions) for one in pair)

    asyncio.run(talk())
    assert [seat.open for seat in spread.seats] == [0, 0]


def test_the_limit_of_waiting_questions_is_that_of_all_together(spread, pair):
    async def talk():
        tasks = [asyncio.ensure_future(whole(spread, [asked()], Record())) for _ in range(6)]
        await until(lambda: sum(len(one.questions) for one in pair) == 6)
        with pytest.raises(Busy) as refused:  # two are written, four wait
            await whole(spread, [asked()], Record())
        assert refused.value.retry_after >= 1
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with pytest.raises(Busy):
            spread.refuse_if_full(4)

    asyncio.run(talk())


def test_a_replica_that_ends_is_not_asked_until_it_is_back(spread, pair):
    first, second = pair

    async def talk():
        task = asyncio.ensure_future(whole(spread, [asked()], Record()))
        await until(lambda: first.questions)
        first.lost.set()
        with pytest.raises(Lost, match="has ended"):
            await task
        assert spread.problem is None
        second.free.set()
        await whole(spread, [asked()], Record())
        second.lost.set()
        await until(lambda: spread.problem is not None)
        with pytest.raises(ModelError, match="no replica answers now"):
            await whole(spread, [asked()], Record())
        first.lost.clear()
        await until(lambda: spread.problem is None)
        first.free.set()
        await whole(spread, [asked()], Record())

    asyncio.run(talk())
    assert (len(first.questions), len(second.questions)) == (2, 1)


def test_prompts_are_scored_side_by_side_and_who_ends_is_not_asked_again(spread, pair):
    async def talk():
        tasks = [asyncio.ensure_future(spread.score((1, 2), 0)) for _ in range(3)]
        await until(lambda: sorted(len(one.questions) for one in pair) == [1, 2])
        first, second = sorted(pair, key=lambda one: -len(one.questions))
        second.lost.set()
        await until(lambda: spread.ready == (1, 2))
        first.free.set()
        done = await asyncio.gather(*tasks, return_exceptions=True)
        assert sorted(map(type, done), key=str) == [list, list, Lost]
        tasks[0] = asyncio.ensure_future(spread.score((1, 2, 3), 0))
        assert [choice.id for choice in await tasks[0]] == [2, 3]
        assert len(first.questions) == 3

    asyncio.run(talk())
    assert [seat.open for seat in spread.seats] == [0, 0]


def test_texts_are_embedded_side_by_side_and_come_in_their_order(spread, pair):
    together = threading.Barrier(2, timeout=5)

    def embed(texts):
        together.wait()
        return [[float(ids[0])] for ids in texts]

    for replica in pair:
        replica.embed = embed
    assert spread.embed([[3], [1], [2]]).tolist() == [[3.0], [1.0], [2.0]]
    assert [seat.asked for seat in spread.seats] == [1, 1]
    assert [seat.open for seat in spread.seats] == [0, 0]
    client = TestClient(application(Served(name="tiny", worker=spread)))
    body = {"model": "tiny", "input": [[5], [6]]}
    assert client.post("/v1/embeddings", json=body).status_code == 200  # each has read one
    assert not together.broken


def test_health_says_how_many_replicas_answer(spread, pair):
    client = TestClient(application(Served(name="tiny", worker=spread)))
    assert client.get("/health").json() == {"status": "ok", "replicas": 2, "ready": 2}
    pair[0].lost.set()
    asyncio.run(until(lambda: spread.ready == (1, 2)))
    one = client.get("/health")
    assert (one.status_code, one.json()) == (200, {"status": "ok", "replicas": 2, "ready": 1})
    numbers = client.get("/metrics").text
    assert "practicum_replicas 2.0" in numbers
    assert "practicum_replicas_ready 1.0" in numbers
    pair[1].lost.set()
    asyncio.run(until(lambda: spread.ready == (0, 2)))
    none = client.get("/health")
    assert none.status_code == 503
    assert none.json() == {
        "status": "stopped",
        "reason": "it has ended",
        "replicas": 2,
        "ready": 0,
    }


def test_numbers_are_sums_and_those_since_the_start_outlive_a_replica(pair):
    seats = [Seat(replica, block=2) for replica in pair]
    for replica, said in zip(pair, (3, 4), strict=True):
        replica.now = State(life="first", load=_load(writing=1, said_tokens=said), pace=1.0)
    for seat in seats:
        seat.look()
    assert [seat.numbers["said_tokens"] for seat in seats] == [3, 4]
    pair[0].lost.set()
    seats[0].look()
    assert (seats[0].numbers["writing"], seats[0].numbers["said_tokens"]) == (0, 3)
    pair[0].lost.clear()
    pair[0].now = State(life="second", load=_load(writing=2, said_tokens=1), pace=1.0)
    for _ in range(2):
        seats[0].look()
    assert (seats[0].numbers["writing"], seats[0].numbers["said_tokens"]) == (2, 4)


def _load(**numbers):
    return Load(**{**vars(IDLE), **numbers})


def test_the_load_is_that_of_all(spread, pair):
    for replica in pair:
        replica.now = State(life="first", load=_load(blocks=5), pace=1.0)

    asyncio.run(until(lambda: spread.load.blocks == 10))
    assert spread.embed([[1], [2]]).tolist() == [[1.0, 2.0], [1.0, 2.0]]


def test_closing_ends_every_answer_at_once_with_an_error(spread, pair):
    async def talk():
        task = asyncio.ensure_future(whole(spread, [asked()], Record()))
        scoring = asyncio.ensure_future(spread.score((1, 2), 0))
        await until(lambda: pair[0].questions and pair[1].questions)
        await asyncio.to_thread(spread.close)
        for one in (task, scoring):
            with pytest.raises(ModelError, match="server is closing"):
                await one
        with pytest.raises(ModelError, match="server is closing"):
            await spread.score((1, 2), 0)
        with pytest.raises(ModelError, match="server is closing"):
            await whole(spread, [asked()], Record())

    asyncio.run(talk())
    assert "closing" in str(spread.problem)
