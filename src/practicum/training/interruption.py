"""SIGTERM and Ctrl-C as a question asked between two steps, not an exception within one."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interruption:
    """Whether the process was asked to stop, and by what."""

    def __init__(self) -> None:
        self.signal: str | None = None

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.signal is not None:  # asked twice: the person means now
            raise KeyboardInterrupt
        self.signal = signal.Signals(number).name


@contextmanager
def interruption() -> Iterator[Interruption]:
    """Within the block, the first SIGTERM or SIGINT is only noted; the second one interrupts.

    Outside the main thread signals cannot be caught and nothing is ever noted.
    """
    asked = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return
    before = {number: signal.signal(number, asked._note) for number in _SIGNALS}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


_SIGNALS = (signal.SIGTERM, signal.SIGINT)
