"""Progress without printing: the library emits events, and whoever listens renders or keeps them.

Listeners are per context (`contextvars`), so two procedures in two threads do not hear each other.
With no listener an event costs one look-up.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Progress:
    """`done` of `total` (None: unknown) units of the task named `task`."""

    task: str
    done: float
    total: float | None = None
    unit: str = ""
    detail: str = ""  # a few words for a progress bar, such as "loss 3.21 · 1.2k tok/s"


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One number of one moment: a point of a curve (with `step`) or a final value (without)."""

    name: str
    value: float
    step: int | None = None
    labels: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Note:
    """A sentence worth showing once, such as "resumed from step 400"."""

    text: str


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """A file that belongs to the run: `name` within the run, `path` where it was written."""

    name: str
    path: str


Event = Progress | Metric | Note | Artifact
Listener = Callable[[Event], None]
_listeners: ContextVar[tuple[Listener, ...]] = ContextVar("listeners", default=())


def emit(event: Event) -> None:
    """Tell every listener of this context, outermost first."""
    for listener in _listeners.get():
        listener(event)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Within the block, `listener` hears every event emitted in this context."""
    token = _listeners.set((*_listeners.get(), listener))
    try:
        yield
    finally:
        _listeners.reset(token)
