"""Beam search over anything that scores the next token: keep the `width` best prefixes, a step on.

A step function takes a state and the last token of each row, and gives log-probabilities; the state
needs `select` alone. Each step extends every prefix by every token and ranks all of a source's
extensions by log P. Of the first `width` those that end are finished; the best `width` that do not
end live on. A source is done at its longest length, or when `width` hypotheses are finished that no
living prefix can beat: log P only falls, so its score stays below log P / lp(longest).

Finished hypotheses are compared at their end token, by log P / lp with lp = ((5 + |Y|)/6)^α (Wu et
al. 2016, eq. 14; Vaswani et al. 2017, §6.1), |Y| counting the end token; α = 0 normalises nothing
and favours short answers. `width` 1 is greedy decoding whatever α is: the first end is the end.
Nothing is drawn at random; which of two exactly equal extensions comes first is left to torch. To
forbid a token, give it −inf.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol, TypeVar

import torch
from jaxtyping import Float, Int
from torch import Tensor

from practicum.errors import ConfigError, ModelError


class Rows(Protocol):
    """What a search asks of a state, such as `nn.state.State`."""

    def select(self, rows: Sequence[int]) -> None:
        """Keep, reorder or repeat rows: row i becomes what row rows[i] was."""
        ...


S = TypeVar("S", bound=Rows)
Step = Callable[[S, Tensor], Tensor]  # (state, Int " b" of last tokens) → Float "b v" of log P


@dataclass(frozen=True, kw_only=True)
class Beam:
    """How many prefixes are kept, and how strongly length is made up for."""

    width: int = 4
    alpha: float = 0.6

    def __post_init__(self) -> None:
        if self.width < 1:
            raise ConfigError(f"Beam.width is {self.width}; expected at least 1")
        if self.alpha < 0:
            raise ConfigError(f"Beam.alpha is {self.alpha}; expected 0 or more")


@dataclass(frozen=True, kw_only=True)
class Hypothesis:
    """One answer to a source."""

    ids: tuple[int, ...]  # every token chosen, the end token included: stopping was a choice too
    logprob: float  # log P of all of them, in nats
    score: float  # logprob / lp(length)
    finished: bool  # whether it ends by the end token, and not by its length


class Branch(NamedTuple):
    """An extension that a search ranked, and what became of it."""

    source: int
    prefix: tuple[int, ...]
    id: int
    logprob: float  # log P of the prefix and the token
    fate: Literal["kept", "finished", "dropped"]


Watch = Callable[[Branch], None]  # told of 2·width branches a step, the best first


def length_penalty(length: int, alpha: float) -> float:
    """lp = ((5 + |Y|)/6)^α: 1 for one token."""
    return ((5 + length) / 6) ** alpha


def beam_search(
    step: Step[S],
    state: S,
    first: Int[Tensor, " b"],
    *,
    end: int,
    longest: Sequence[int],
    beam: Beam,
    watch: Watch | None = None,
) -> list[list[Hypothesis]]:
    """For each source at most `beam.width` hypotheses, the best first; those unfinished come last.

    `state` holds a row per source and `first` the token that each answer begins after; `longest`
    is the most tokens that each answer may have, its end token included. The state is used up.
    `watch` hears of every branch, for whoever draws the tree.

    Raises ConfigError where these do not fit together, ModelError for log-probabilities that are
    NaN or all −inf.
    """
    if len(longest) != len(first) or min(longest, default=1) < 1:
        raise ConfigError(
            f"lengths {list(longest)} for {len(first)} sources; expected one of 1 or more for each"
        )
    if len(first) == 0:
        return []
    with torch.inference_mode():
        search = _Search(first, end, longest, beam, watch)
        _move(state, [row for row in range(len(first)) for _ in range(beam.width)], len(first))
        while search.sources:
            held = len(search.last)
            _move(state, search.advance(step(state, search.last)), held)
    return search.answers()


class _Search:
    """Prefixes of the sources that are not done: `width` places each, of −inf where not taken."""

    def __init__(
        self,
        first: Int[Tensor, " b"],
        end: int,
        longest: Sequence[int],
        beam: Beam,
        watch: Watch | None,
    ) -> None:
        self.end, self.longest, self.beam, self.watch = end, longest, beam, watch
        self.sources = list(range(len(first)))  # those that are not done
        self.last = first.repeat_interleave(beam.width)
        self.logprobs = torch.full((len(first), beam.width), -torch.inf, device=first.device)
        self.logprobs[:, 0] = 0.0  # all places hold the same empty prefix: one of them counts
        self.prefixes = first.new_empty(len(first), beam.width, 0)
        self.finished: list[list[Hypothesis]] = [[] for _ in self.sources]
        self.unfinished: list[list[Hypothesis]] = [[] for _ in self.sources]

    def advance(self, log_p: Float[Tensor, "n v"]) -> list[int]:
        """Extend the prefixes by one token; returns the rows of the state that go on."""
        width, vocab = self.beam.width, log_p.shape[1]
        if vocab < 2 or not 0 <= self.end < vocab:
            raise ConfigError(
                f"{self.end} ends an answer in a vocabulary of {vocab}; expected it "
                "among two tokens or more"
            )
        totals = self.logprobs[:, :, None] + log_p.unflatten(0, (-1, width))
        # Of 2·width extensions at most `width` end, since each prefix ends in one way.
        best, place = totals.flatten(1).topk(2 * width)
        self._check(best[:, 0])
        origin, token = place // vocab, place % vocab
        ends = token == self.end
        extended = torch.cat(
            [self.prefixes.take_along_dim(origin[:, :, None], 1), token[:, :, None]], dim=2
        )
        self._finish(best[:, :width], ends[:, :width], extended[:, :width])
        self.logprobs, kept = best.masked_fill(ends, -torch.inf).topk(width)
        if self.watch is not None:
            self._tell(self.watch, best, extended, ends, kept)
        self.prefixes = extended.take_along_dim(kept[:, :, None], 1)
        return self._go_on(origin.take_along_dim(kept, 1))

    def answers(self) -> list[list[Hypothesis]]:
        """What was found, the best first."""
        return [
            [*_ranked(finished), *_ranked(unfinished)][: self.beam.width]
            for finished, unfinished in zip(self.finished, self.unfinished, strict=True)
        ]

    def _finish(self, logprobs: Tensor, ends: Tensor, extended: Tensor) -> None:
        """Keep those among the first `width` extensions that end."""
        for row, rank in (ends & (logprobs > -torch.inf)).nonzero().tolist():
            found = self._hypothesis(extended[row, rank], logprobs[row, rank], finished=True)
            self.finished[self.sources[row]].append(found)

    def _tell(
        self, watch: Watch, best: Tensor, extended: Tensor, ends: Tensor, kept: Tensor
    ) -> None:
        for row, source in enumerate(self.sources):
            going = set(kept[row].tolist())
            for rank, ids in enumerate(extended[row].tolist()):
                logprob = float(best[row, rank])
                if logprob == -torch.inf:
                    continue
                fate: Literal["kept", "finished", "dropped"] = "dropped"
                if bool(ends[row, rank]):
                    fate = "finished" if rank < self.beam.width else "dropped"
                elif rank in going:
                    fate = "kept"
                watch(Branch(source, tuple(ids[:-1]), ids[-1], logprob, fate))

    def _go_on(self, origin: Int[Tensor, "b k"]) -> list[int]:
        """Drop the sources that are done; returns the rows of those that go on."""
        length, width = self.prefixes.shape[2], self.beam.width
        alive = (self.logprobs > -torch.inf).tolist()
        best = self.logprobs[:, 0].tolist()
        rows = []
        for row, source in enumerate(self.sources):
            if not any(alive[row]) or self._is_done(source, best[row]):
                continue
            if length < self.longest[source]:
                rows.append(row)
                continue
            self.unfinished[source] = [
                self._hypothesis(self.prefixes[row, k], self.logprobs[row, k], finished=False)
                for k in range(width)
                if alive[row][k]
            ]
        self.sources = [self.sources[row] for row in rows]
        self.logprobs, self.prefixes = self.logprobs[rows], self.prefixes[rows]
        self.last = self.prefixes[:, :, -1].flatten()
        places = origin[rows].tolist()
        return [row * width + k for row, kept in zip(rows, places, strict=True) for k in kept]

    def _is_done(self, source: int, best: float) -> bool:
        """Whether what is finished is the answer, `best` being the log P of the best that lives."""
        finished, width = self.finished[source], self.beam.width
        if width == 1 or len(finished) < width:
            return len(finished) == width
        reach = best / length_penalty(self.longest[source], self.beam.alpha)
        return _ranked(finished)[width - 1].score >= reach

    def _hypothesis(self, ids: Tensor, logprob: Tensor, *, finished: bool) -> Hypothesis:
        total = float(logprob)
        score = total / length_penalty(len(ids), self.beam.alpha)
        return Hypothesis(ids=tuple(ids.tolist()), logprob=total, score=score, finished=finished)

    def _check(self, best: Float[Tensor, " b"]) -> None:
        if not bool(best.isfinite().all()):
            raise ModelError(
                "a step gave log-probabilities that are NaN or all −inf; every prefix needs a "
                "token that can follow it"
            )


def _move(state: Rows, rows: list[int], held: int) -> None:
    """Select `rows` of the `held` ones, unless all stay where they are: selecting is a copy."""
    if rows and rows != list(range(held)):
        state.select(rows)


def _ranked(found: list[Hypothesis]) -> list[Hypothesis]:
    return sorted(found, key=lambda hypothesis: -hypothesis.score)
