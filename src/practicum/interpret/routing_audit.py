"""How a network with experts routes texts of several sources, layer by layer."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from practicum.errors import DataError
from practicum.interpret.expert_use import ExpertUse, expert_use, mutual_information
from practicum.models.decoder import DecoderModel
from practicum.nn.routers import heard, mixtures


@dataclass(frozen=True, kw_only=True, eq=False)
class LayerAudit:
    """One mixture's routing. Bits are those that the first choice tells, of at most log₂ e."""

    overall: ExpertUse
    by_source: dict[str, ExpertUse]
    source_bits: float  # of where the text comes from
    token_bits: float  # of which token it is


def audit(
    model: DecoderModel, texts: Mapping[str, Int[Tensor, "_ t"]], *, batch: int = 16
) -> list[LayerAudit]:
    """The mixtures of the network from the bottom, over rows of ids by the name of their source.

    Raises DataError without texts, ModelError for a network without experts.
    """
    if not texts or any(ids.shape[0] < 1 or ids.shape[1] < 2 for ids in texts.values()):
        raise DataError("an audit needs texts of two tokens or more from one source or more")
    chosen = {source: choices(model, ids, batch=batch) for source, ids in texts.items()}
    counts = [mixture.description.count for mixture in mixtures(model)]
    tokens = torch.cat([ids.flatten() for ids in texts.values()]).cpu()
    sources = torch.cat(
        [torch.full((ids.numel(),), number) for number, ids in enumerate(texts.values())]
    )
    audits = []
    for layer, count in enumerate(counts):
        here = {source: experts[layer] for source, experts in chosen.items()}
        every = torch.cat(list(here.values()))
        first = every[..., 0].flatten()
        audits.append(
            LayerAudit(
                overall=expert_use(every, count),
                by_source={source: expert_use(e, count) for source, e in here.items()},
                source_bits=mutual_information(first, sources),
                token_bits=mutual_information(first, tokens),
            )
        )
    return audits


@torch.no_grad()
def choices(
    model: DecoderModel, ids: Int[Tensor, "b t"], *, batch: int = 16
) -> list[Int[Tensor, "b t k"]]:
    """The experts that every mixture of the network chose for every token, on the CPU."""
    read: list[list[Tensor]] = []
    tops = [mixture.description.top for mixture in mixtures(model)]
    for rows in ids.split(batch):
        with heard(model) as scores:
            model.hidden(rows)
        chosen = [s.topk(k).indices for s, k in zip(scores, tops, strict=True)]
        read.append([experts.view(*rows.shape, -1).cpu() for experts in chosen])
    return [torch.cat(layer) for layer in zip(*read, strict=True)]
