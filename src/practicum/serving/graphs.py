"""What a function does on a CUDA device, recorded once and launched again as a whole.

A graph holds the kernels of one call with the addresses they read and write, and nothing of what
Python decided on the way (Gray 2019, "Getting Started with CUDA Graphs"). So the function has to
read what changes from a tensor that stays in its place, and may not wait for the device. What is
recorded with it are the settings of torch at that time, such as the precision of products.
"""

import threading
from collections.abc import Callable

import torch
from torch import Tensor

Run = Callable[[Tensor], Tensor]
"""A function of whole numbers that stand in a tensor."""

Play = Callable[[], Tensor]
"""What it makes of the numbers that stand there now."""

_ONE = threading.Lock()  # a process may record one graph at a time
WARM = 2  # calls before a recording: they load kernels, compile them, and fill what is cached


def again(run: Run, numbers: Tensor) -> Play:
    """Plays by running anew: what every recording has to equal."""
    return lambda: run(numbers)


class Graphs:
    """Records graphs that share their memory; each one's result is written over by the others.

    Only one of them may run at a time, in the stream from which they are played.
    """

    def __init__(self) -> None:
        self._memory = torch.cuda.graph_pool_handle()
        self._aside: torch.cuda.Stream | None = None

    def __call__(self, run: Run, numbers: Tensor) -> Play:
        """Runs it with the numbers that stand there now, and more than once; records it."""
        with _ONE, torch.cuda.device(numbers.device):
            self._aside = aside = self._aside or torch.cuda.Stream()
            here = torch.cuda.current_stream()
            aside.wait_stream(here)
            with torch.cuda.stream(aside):
                for _ in range(WARM):
                    run(numbers)
            here.wait_stream(aside)
            graph = torch.cuda.CUDAGraph()
            # other threads may go on using the device meanwhile
            kept = torch.cuda.graph(
                graph, pool=self._memory, stream=aside, capture_error_mode="thread_local"
            )
            with kept:
                made = run(numbers)

        def play() -> Tensor:
            graph.replay()
            return made

        return play
