"""Choosing the next token of every row of a batch, each row by its own `Sampling`.

Rows with the same filters are filtered together. All that the host needs of a step (ids and, where
asked for, log-probabilities) comes over in one transfer.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from practicum.decoding.sampling import Sampling, draw, filtered, uniforms
from practicum.decoding.spoken import Spoken


class Choice(NamedTuple):
    """One row's token; log-probabilities are those of the unmodified distribution."""

    id: int
    logprob: float | None  # None where `Sampling.logprobs` is
    top: tuple[tuple[int, float], ...]  # the `Sampling.logprobs` likeliest, best first


class Chooser:
    """The samplers of a batch's rows; `select` follows the state's."""

    def __init__(
        self,
        samplings: Sequence[Sampling],
        prompts: Sequence[Sequence[int]],
        vocabulary: int,
        device: torch.device,
    ) -> None:
        self._samplings = list(samplings)
        self._device = device
        self._taken = 0
        drawing = any(s.temperature > 0 for s in samplings)
        longest = max(s.max_tokens for s in samplings) if drawing else 0
        self._uniforms = (
            torch.stack([uniforms(s, longest) for s in samplings]).to(device) if drawing else None
        )
        penalised = any(s.penalises for s in samplings)
        self._spoken = Spoken(prompts, vocabulary, device) if penalised else None
        self._group()

    def choose(self, logits: Float[Tensor, "b v"]) -> tuple[Int[Tensor, " b"], list[Choice]]:
        """The next token of each row: on the device, for the model, and for the host."""
        ids = self._ids(logits)
        if self._spoken is not None:
            self._spoken.take(ids)
        self._taken += 1
        return ids, reported(logits, ids, self._samplings)

    def select(self, rows: Sequence[int]) -> None:
        """Keep these rows, in this order."""
        index = torch.tensor(list(rows), device=self._device)
        self._samplings = [self._samplings[row] for row in rows]
        if self._uniforms is not None:
            self._uniforms = self._uniforms[index]
        if self._spoken is not None:
            self._spoken = self._spoken.rows(index)
        self._group()

    def _group(self) -> None:
        groups: dict[Sampling, list[int]] = {}
        for row, sampling in enumerate(self._samplings):
            groups.setdefault(sampling.filters, []).append(row)
        self._groups = [
            (sampling, torch.tensor(rows, device=self._device)) for sampling, rows in groups.items()
        ]

    def _ids(self, logits: Float[Tensor, "b v"]) -> Int[Tensor, " b"]:
        if len(self._groups) == 1:
            return self._of_group(logits, self._groups[0][0], slice(None))
        ids = torch.empty(len(logits), dtype=torch.long, device=logits.device)
        for sampling, rows in self._groups:
            ids[rows] = self._of_group(logits[rows], sampling, rows)
        return ids

    def _of_group(
        self, logits: Float[Tensor, "b v"], sampling: Sampling, rows: Tensor | slice
    ) -> Int[Tensor, " b"]:
        spoken = None if self._spoken is None else self._spoken.rows(rows)
        logits = filtered(logits, sampling, spoken)
        if sampling.temperature == 0:
            return logits.argmax(-1)
        assert self._uniforms is not None, "a row that draws has its numbers"
        return draw(logits, self._uniforms[rows, self._taken])


def reported(
    logits: Float[Tensor, "b v"], ids: Int[Tensor, " b"], samplings: Sequence[Sampling]
) -> list[Choice]:
    """`ids`, however they were chosen, with the log-probabilities that each `Sampling` asks for.

    They are those of the unmodified `logits`. All comes over to the host in one transfer.
    """
    asked = [s.logprobs for s in samplings if s.logprobs is not None]
    if not asked:
        return [Choice(id, None, ()) for id in ids.tolist()]
    everything = logits.float().log_softmax(-1)
    best = everything.topk(min(max(asked), logits.shape[-1]), dim=-1)
    # float64 holds every id exactly, so one tensor carries all over
    table = torch.cat(
        [
            ids[:, None].double(),
            everything.gather(1, ids[:, None]).double(),
            best.indices.double(),
            best.values.double(),
        ],
        dim=1,
    )
    return [
        _choice(row, sampling, best.indices.shape[1])
        for row, sampling in zip(table.tolist(), samplings, strict=True)
    ]


def _choice(row: list[float], sampling: Sampling, top: int) -> Choice:
    if sampling.logprobs is None:
        return Choice(int(row[0]), None, ())
    likeliest = zip(map(int, row[2 : 2 + top]), row[2 + top :], strict=True)
    return Choice(int(row[0]), row[1], tuple(likeliest)[: sampling.logprobs])
