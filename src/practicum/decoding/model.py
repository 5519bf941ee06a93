"""What decoding asks of a model, and the two ways of reading: for the next token, for likelihoods.

A model is read in inference mode and in evaluation mode (no dropout) whatever mode it is in, and
left as it was found. Only the positions that are asked for go through the output matrix.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeVar

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from practicum.errors import ConfigError
from practicum.nn.state import State

T = TypeVar("T")


class CausalModel(Protocol):
    """`DecoderModel`, or anything else that reads ids and appends them to a state."""

    training: bool

    @property
    def description(self) -> Any: ...  # has `context` (tokens a row may hold) and `vocab`

    def hidden(
        self,
        ids: Int[Tensor, "b t"],
        state: Any = None,  # one that `new_state` made
    ) -> Float[Tensor, "b t d"]: ...
    def logits(self, hidden: Float[Tensor, "b t d"]) -> Float[Tensor, "b t v"]: ...
    def new_state(self, rows: int, capacity: int) -> State: ...
    def parameters(self) -> Iterator[Tensor]: ...
    def train(self, mode: bool = True) -> Any: ...


@dataclass(frozen=True, kw_only=True)
class Reach:
    """How much is read at once, and how texts beyond the context are cut into windows."""

    rows: int = 16  # prompts or windows side by side
    tokens: int = 8192  # of one read, padding included: bounds the memory
    stride: int | None = None  # from window to window; None: half the context

    def __post_init__(self) -> None:
        for name, value in (("rows", self.rows), ("tokens", self.tokens), ("stride", self.stride)):
            if value is not None and value < 1:
                raise ConfigError(f"Reach.{name} is {value}; expected at least 1")


def batches(items: Sequence[T], length: Callable[[T], int], reach: Reach) -> Iterator[list[T]]:
    """Items of similar length together, within `reach`; longest first.

    So too little memory shows at once, and little is padded. A single item may exceed the tokens.
    """
    batch: list[T] = []
    for item in sorted(items, key=length, reverse=True):
        full = len(batch) == reach.rows
        if batch and (full or length(batch[0]) * (len(batch) + 1) > reach.tokens):
            yield batch
            batch = []
        batch.append(item)
    if batch:
        yield batch


@contextmanager
def reading(model: CausalModel | nn.Module) -> Iterator[None]:
    """Inference and evaluation mode within the block. Never held across a `yield` to a caller."""
    was_training = model.training
    if was_training:
        model.train(False)
    try:
        with torch.inference_mode():
            yield
    finally:
        if was_training:
            model.train(True)


def device_of(model: CausalModel) -> torch.device:
    """Where the model's first parameter is."""
    return next(iter(model.parameters())).device


def rectangle(rows: Sequence[Sequence[int]], device: torch.device) -> Int[Tensor, "b t"]:
    """The rows padded on the right; with which id is no matter, since nobody looks at it."""
    width = max(map(len, rows))
    padded = [[*row, *[0] * (width - len(row))] for row in rows]
    return torch.tensor(padded, dtype=torch.long).to(device)


def prefill(
    model: CausalModel,
    prompts: Sequence[Sequence[int]],
    capacity: int,
    *,
    chunk: int | None = None,
) -> tuple[Float[Tensor, "b v"], State]:
    """The logits after each prompt, and a state that holds exactly the prompts.

    With `chunk` so many tokens of every prompt are read at a time, which bounds the memory.
    """
    lengths = [len(prompt) for prompt in prompts]
    longest = max(lengths)
    with reading(model):
        state = model.new_state(len(prompts), max(capacity, longest))
        ids = rectangle(prompts, device_of(model))
        last: Tensor | None = None
        for part in ids.split(chunk or longest, dim=1):
            start = max(state.lengths)
            state.expect([min(max(n - start, 0), part.shape[1]) for n in lengths])
            hidden = model.hidden(part, state)
            place = torch.tensor(lengths, device=ids.device) - 1 - start
            ends = (place >= 0) & (place < part.shape[1])
            rows = torch.arange(len(lengths), device=ids.device)
            here = hidden[rows, place.clamp(0, part.shape[1] - 1)]
            last = here if last is None else torch.where(ends[:, None], here, last)
        assert last is not None, "a prompt has at least one token"
        return model.logits(last[:, None])[:, 0], state


def step(model: CausalModel, ids: Int[Tensor, " b"], state: State) -> Float[Tensor, "b v"]:
    """The logits after one more token in each row."""
    with reading(model):
        return model.logits(model.hidden(ids[:, None], state))[:, 0]


class Target(NamedTuple):
    """A token to be scored: the one that follows `position` in row `row`."""

    row: int
    position: int
    token: int


class Score(NamedTuple):
    logprob: float
    likeliest: bool


# Logits are made in pieces of at most this many numbers (128 MiB in float32), so that a long text
# under a large vocabulary needs little more memory than its hidden states.
PIECE = 2**25


def log_probabilities(
    model: CausalModel,
    rows: Sequence[Sequence[int]],
    targets: Sequence[Target],
    shared: int = 0,
) -> list[Score]:
    """log P of each target's token after its row's tokens up to its position, in float32 nats.

    The first `shared` tokens are equal in all rows and read once; no target stands among them.
    """
    device = device_of(model)
    size = max(1, PIECE // model.description.vocab)
    with reading(model):
        hidden = _hidden(model, rows, shared)
        row, position, token = torch.tensor(targets, dtype=torch.long).to(device).unbind(1)
        asked = hidden[row, position - shared]
        logs, likeliest = [], []
        for piece, ids in zip(asked.split(size), token.split(size), strict=True):
            logits = model.logits(piece[None])[0].float()
            chosen = logits.gather(1, ids[:, None])[:, 0]
            logs += (chosen - logits.logsumexp(-1)).tolist()
            likeliest += (logits.argmax(-1) == ids).tolist()
    return [Score(*pair) for pair in zip(logs, likeliest, strict=True)]


def _hidden(
    model: CausalModel, rows: Sequence[Sequence[int]], shared: int
) -> Float[Tensor, "b t d"]:
    """Hidden states of all rows from position `shared` on."""
    device = device_of(model)
    if not shared:
        return model.hidden(rectangle(rows, device))
    state = model.new_state(1, max(map(len, rows)))
    model.hidden(rectangle([rows[0][:shared]], device), state)
    state.select([0] * len(rows))
    return model.hidden(rectangle([row[shared:] for row in rows], device), state)
