"""What is recorded is what was warmed up, on a stream of its own; it is played where asked for."""

from contextlib import contextmanager, nullcontext

import pytest
import torch

from practicum.serving.graphs import WARM, Graphs, again


def test_a_recording_is_warmed_up_aside_and_played_where_it_is_asked_for(monkeypatch):
    said = []

    class Stream:
        def __init__(self, name="aside"):
            self.name = name

        def wait_stream(self, other):
            said.append(f"{self.name} waits for {other.name}")

    @contextmanager
    def capture(graph, *, pool, stream, capture_error_mode):
        said.append(f"record {pool} on {stream.name} {capture_error_mode}")
        yield
        said.append("recorded")

    class Graph:
        def replay(self):
            said.append("replay")

    fakes = {
        "graph_pool_handle": lambda: "memory",
        "Stream": Stream,
        "current_stream": lambda: Stream("here"),
        "stream": lambda stream: nullcontext(),
        "device": lambda device: nullcontext(),
        "CUDAGraph": Graph,
        "graph": capture,
    }
    for name, fake in fakes.items():
        monkeypatch.setattr(f"practicum.serving.graphs.torch.cuda.{name}", fake)
    numbers, record = torch.zeros(1), Graphs()
    play = record(lambda x: said.append("run") or x + 1, numbers)
    before, warm = "aside waits for here", ["run"] * WARM
    recorded = ["record memory on aside thread_local", "run", "recorded"]
    assert said == [before, *warm, "here waits for aside", *recorded]
    made = play()
    assert play() is made
    assert said[-2:] == ["replay", "replay"]


def test_what_is_played_again_reads_the_numbers_anew():
    numbers = torch.zeros(2)
    play = again(lambda x: x + 1, numbers)
    numbers[1] = 5
    assert play().tolist() == [1, 6]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="records CUDA graphs")
def test_graphs_that_share_memory_read_their_numbers_anew():
    numbers, record = torch.zeros(1000, device="cuda"), Graphs()
    runs = [lambda x: (x * 2).cumsum(0), lambda x: x.sort(descending=True).values + 1]
    with torch.inference_mode():
        plays = [record(run, numbers) for run in runs]
        for seed in range(3):
            numbers.normal_(generator=torch.Generator("cuda").manual_seed(seed))
            for play, run in zip(plays, runs, strict=True):
                torch.testing.assert_close(play(), run(numbers))
