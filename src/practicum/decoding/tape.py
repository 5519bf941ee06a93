"""One text as a model reads it, of which the latest tokens can be taken back.

A cache of keys forgets by counting fewer of them. What a recurrence has read it cannot unread: it
is brought back to where it stood before, and reads again what stays.
"""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from practicum.decoding.model import CausalModel, device_of, prefill, reading, rectangle
from practicum.errors import ModelError
from practicum.nn.state import Snapshot, State


@runtime_checkable
class Rewindable(State, Protocol):
    """A state that can be as it was, such as `nn.stack.StackState`."""

    def snapshot(self) -> Sequence[Snapshot]: ...
    def restore(self, before: Any) -> None: ...  # what `snapshot` gave


class Tape:
    """`logits` are those after the last of the ids that it begins with.

    Raises ModelError where the model's state cannot go back.
    """

    def __init__(self, model: CausalModel, ids: Sequence[int], capacity: int) -> None:
        self.logits, state = prefill(model, [ids], capacity)
        if not isinstance(state, Rewindable):
            raise ModelError(
                f"a {type(state).__name__} cannot take back what was read; write without a draft"
            )
        self._model, self._state = model, state
        self.mark()

    @property
    def length(self) -> int:
        """How many tokens have been read."""
        return self._state.lengths[0]

    def mark(self) -> None:
        """Let this be as far as one can go back."""
        self._marked, self._before = self.length, self._state.snapshot()
        self._since: list[int] = []

    def read(self, ids: Sequence[int]) -> Float[Tensor, "t v"]:
        """The logits after each of `ids` (≥ 1), which are read in one go."""
        with reading(self._model):
            rows = rectangle([ids], device_of(self._model))
            logits = self._model.logits(self._model.hidden(rows, self._state))[0]
        self._since += ids
        return logits

    def back(self, length: int) -> None:
        """Forget all tokens after the first `length`, at least as many as at the last mark."""
        assert self._marked <= length <= self.length, (self._marked, length, self.length)
        self._since = self._since[: length - self._marked]
        if length == self.length:
            return
        if not any(block.kept for block in self._before):
            self._state.truncate([length])
            return
        self._state.restore(self._before)
        if self._since:
            with reading(self._model):
                self._model.hidden(rectangle([self._since], device_of(self._model)), self._state)
