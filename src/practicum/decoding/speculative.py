"""Speculative decoding: some tokens are drafted cheaply and checked by one read of the model.

A read of γ + 1 tokens takes hardly longer than one of a single token while a model's weights must
be fetched for either, and gives p, the model's distribution, at every place of the draft. A drafted
token x, drawn from q, is kept with probability min(1, p(x) / q(x)); the first that is not is
replaced by one from max(0, p − q), normalised; after a draft that stays whole comes one more token
from p. What is written then has the distribution p of plain decoding (Leviathan et al. 2023, §2.3,
Theorem A.1; Chen et al. 2023, Algorithm 2). p and q are what the request's filters leave.

A draft that was not drawn (a guess) is kept while it is what plain decoding would have chosen, with
the same numbers: same seed, same text, up to the rounding of matrix products of different size.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from practicum.decoding.chooser import reported
from practicum.decoding.draft_model import DraftModel
from practicum.decoding.drafting import Draft, Numbers, numbers
from practicum.decoding.generate import Chunk, Completion, Request, Writing, check_fits
from practicum.decoding.model import CausalModel, device_of
from practicum.decoding.prompt_lookup import PromptLookup
from practicum.decoding.sampling import Sampling, draw, filtered
from practicum.decoding.spoken import Spoken
from practicum.decoding.tape import Tape
from practicum.errors import ConfigError
from practicum.nn.cache import SLACK
from practicum.tokenizers.tokenizer import Tokenizer


@dataclass(frozen=True, kw_only=True, eq=False)
class Speculation:
    """Who drafts, and how many tokens at a time (γ, at most 32: a sliding window forgets more)."""

    draft: DraftModel | PromptLookup
    tokens: int = 4

    def __post_init__(self) -> None:
        if not 1 <= self.tokens <= SLACK:
            raise ConfigError(
                f"Speculation.tokens is {self.tokens}; expected 1 to {SLACK} tokens of a draft"
            )


@dataclass(kw_only=True)
class Tally:
    """What speculation brought, over all texts that it is given to."""

    reads: int = 0  # of the model, the prompts' not counted
    drafted: int = 0
    accepted: int = 0

    @property
    def per_read(self) -> float:
        """Tokens written by a read: 1 with nothing accepted, γ + 1 at most."""
        return 1.0 + self.accepted / self.reads if self.reads else 1.0


class Verdict(NamedTuple):
    """How many of the drafted tokens stay, and the token that comes after them."""

    accepted: int
    next: int


def verify(
    logits: Float[Tensor, "n v"],
    drafted: Sequence[int],
    chances: Float[Tensor, "t v"] | None,
    sampling: Sampling,
    numbers: Numbers,
    spoken: Spoken | None = None,
) -> Verdict:
    """Judges a draft of t tokens by the logits before each of them and after the last: n = t + 1.

    `chances` are what `filtered` left of the draft model's logits, as probabilities, where the
    tokens were drawn from it; None for guesses, as all are at temperature 0. The numbers begin with
    those of the first drafted token; `spoken`, needed for a penalty, is what the one row had said.
    """
    assert len(logits) == len(drafted) + 1, f"{len(logits)} logits for {len(drafted)} tokens"
    shaped = filtered(logits, sampling, None if spoken is None else spoken.along(drafted))
    if sampling.temperature == 0:
        return _agreement(shaped.argmax(-1).tolist(), drafted)
    if chances is None:
        return _agreement(draw(shaped, numbers.choose[: len(logits)]).tolist(), drafted)
    p = shaped.double().softmax(-1)
    ids = torch.tensor(list(drafted), device=p.device)[:, None]
    share = (p[:-1].gather(1, ids) / chances.gather(1, ids))[:, 0].tolist()
    kept = [u < s for u, s in zip(numbers.accept.tolist(), share, strict=False)]
    accepted = (*kept, False).index(False)
    rest = p[accepted]
    if accepted < len(drafted):
        left = (rest - chances[accepted]).clamp(min=0)
        rest = left if left.any() else rest  # nothing is left of p = q but what rounding made
    number = numbers.choose[accepted : accepted + 1]
    return Verdict(accepted, int(draw(rest.log()[None], number)))


def _agreement(chosen: Sequence[int], drafted: Sequence[int]) -> Verdict:
    """The draft is kept while it is what was chosen."""
    pairs = zip(chosen, drafted, strict=False)
    accepted = next((i for i, (a, b) in enumerate(pairs) if a != b), len(drafted))
    return Verdict(accepted, chosen[accepted])


def write_speculatively(
    model: CausalModel,
    tokenizer: Tokenizer,
    requests: Sequence[Request],
    *,
    ends: Collection[int],
    speculation: Speculation,
    tally: Tally | None = None,
) -> Iterator[Chunk | Completion]:
    """As `decoding.generate.write`, one request after another; `tally` is kept as it goes.

    Raises ModelError before anything is read as `write` does, and where a state cannot go back.
    """
    for request in requests:
        check_fits(len(request.ids), model.description.context)
    for request in requests:
        writing = Writing(request, tokenizer, ends, model.description.context)
        kept = Tally() if tally is None else tally
        yield from _write(model, writing, tokenizer.size, speculation, kept)


def _write(
    model: CausalModel, writing: Writing, vocabulary: int, speculation: Speculation, tally: Tally
) -> Iterator[Chunk | Completion]:
    request, sampling = writing.request, writing.request.sampling
    drafter = speculation.draft.drafter(request, writing.limit, vocabulary)
    every = numbers(sampling, writing.limit)
    spoken = None
    if sampling.penalises:
        spoken = Spoken([request.ids], vocabulary, device_of(model))
    tape = Tape(model, request.ids, len(request.ids) + writing.limit - 1)
    logits, draft, written = tape.logits, Draft((), None), 0
    while True:
        # a vocabulary padded to a round number has scores that stand for no token
        logits = logits[:, :vocabulary]
        verdict = verify(logits, *draft, sampling, every.since(written), spoken)
        ids = [*draft.ids[: verdict.accepted], verdict.next]
        tally.accepted += verdict.accepted
        said = torch.tensor(ids, device=logits.device)
        for choice in reported(logits[: len(ids)], said, [sampling] * len(ids)):
            text = writing.take(choice)
            if text:
                yield Chunk(index=request.index, text=text)
            if writing.finish is not None:
                yield writing.completion()
                return
        tape.back(len(request.ids) + written + verdict.accepted)
        written += len(ids)
        drafter.take(ids)
        if spoken is not None:
            for one in said.split(1):
                spoken.take(one)
        draft = drafter.propose(min(speculation.tokens, writing.limit - written - 1))
        tape.mark()
        logits = tape.read([verdict.next, *draft.ids])
        tally.reads += 1
        tally.drafted += len(draft.ids)
