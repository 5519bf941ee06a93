"""The line of those who want vectors: read together, in turn, bounded, and never for ever."""

import asyncio
import threading
from collections.abc import Sequence

import pytest
import torch

from practicum.decoding.model import Reach
from practicum.errors import Busy, GivenUp, ModelError
from practicum.serving.vectors import Ids, Vectors


class Maker:
    """Says of each row its first id and its length, and keeps what was read together."""

    def __init__(self) -> None:
        self.batches: list[list[Ids]] = []
        self.go = threading.Event()
        self.go.set()
        self.problem: Exception | None = None

    def __call__(self, rows: Sequence[Ids]) -> torch.Tensor:
        assert threading.current_thread() is not threading.main_thread()
        assert self.go.wait(20)
        self.batches.append(list(rows))
        if self.problem is not None:
            raise self.problem
        return torch.tensor([[row[0], len(row)] for row in rows], dtype=torch.float32)


@pytest.fixture
def maker() -> Maker:
    return Maker()


def line(maker: Maker, **changes: object) -> Vectors:
    usual = {"waiting": 3, "seconds": 20.0, "reach": Reach(rows=4, tokens=20)}
    return Vectors(maker, **{**usual, **changes})


def rows(first: int, *lengths: int) -> list[Ids]:
    return [(first + place,) * length for place, length in enumerate(lengths)]


def test_vectors_come_in_the_order_of_their_texts_and_long_ones_are_read_first(maker):
    asked = rows(0, 2, 5, 1, 5, 9, 3)
    made = asyncio.run(line(maker).of(asked))
    assert made.tolist() == [[row[0], len(row)] for row in asked]
    assert [[len(row) for row in batch] for batch in maker.batches] == [[9, 5], [5, 3, 2, 1]]


def test_requests_are_read_together_and_in_turn(maker):
    async def three() -> None:
        maker.go.clear()
        vectors = line(maker)
        first = asyncio.create_task(vectors.of(rows(100, *[2] * 9)))
        await asyncio.sleep(0.05)  # its first four are being read
        others = [asyncio.create_task(vectors.of(rows(n, 2))) for n in (200, 300)]
        await asyncio.sleep(0)
        maker.go.set()
        assert (await others[0]).tolist() == [[200, 2]]
        assert not first.done()
        assert len(await first) == 9
        await others[1]

    asyncio.run(three())
    firsts = [[row[0] // 100 for row in batch] for batch in maker.batches]
    assert firsts == [[1, 1, 1, 1], [1, 2, 3, 1], [1, 1, 1]]


def test_of_more_than_may_wait_it_is_busy(maker):
    async def many() -> None:
        maker.go.clear()
        vectors = line(maker, waiting=2)
        waiting = [asyncio.create_task(vectors.of(rows(n, 2))) for n in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Busy):
            await vectors.of(rows(9, 2))
        maker.go.set()
        await asyncio.gather(*waiting)
        assert len(await vectors.of(rows(9, 2))) == 1

    asyncio.run(many())


def test_what_takes_too_long_is_given_up_and_nothing_more_of_it_is_read(maker):
    async def slow() -> None:
        maker.go.clear()
        vectors = line(maker, seconds=0.1)
        with pytest.raises(GivenUp, match=r"0\.1 seconds; send fewer texts"):
            await vectors.of(rows(0, *[3] * 8))
        maker.go.set()
        assert len(await vectors.of(rows(50, 2))) == 1

    asyncio.run(slow())
    assert [len(batch) for batch in maker.batches] == [4, 1]


def test_who_leaves_is_not_read_for(maker):
    async def leaving() -> None:
        maker.go.clear()
        vectors = line(maker)
        gone = asyncio.create_task(vectors.of(rows(0, *[3] * 8)))
        await asyncio.sleep(0.05)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        maker.go.set()
        await vectors.of(rows(50, 2))

    asyncio.run(leaving())
    assert [len(batch) for batch in maker.batches] == [4, 1]


def test_a_failure_is_told_to_those_it_concerns_and_to_nobody_later(maker):
    async def failing() -> None:
        vectors = line(maker)
        maker.problem = ModelError("the model is gone")
        with pytest.raises(ModelError, match="is gone"):
            await vectors.of(rows(0, 1, 1, 1, 1, 1, 1))
        maker.problem = None
        assert len(await vectors.of(rows(1, 1))) == 1

    asyncio.run(failing())
    assert [len(batch) for batch in maker.batches] == [4, 1]


def test_a_line_serves_one_loop_after_another(maker):
    vectors = line(maker)
    for _ in range(3):
        assert len(asyncio.run(vectors.of(rows(0, 1)))) == 1
