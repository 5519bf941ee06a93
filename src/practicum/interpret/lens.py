"""The logit lens (nostalgebraist 2020): what a network would say if it stopped after a block.

The residual stream after each block goes through the final norm and the output matrix, as if it
were the last one: p_l = softmax(W_U norm(output_l)). After the last block this is the network's own
answer. How far p_l is from it is KL(p_last ‖ p_l) in nats, which need not fall with l.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from practicum.interpret.kept import Trace
from practicum.models.decoder import DecoderModel
from practicum.models.encoder_decoder import EncoderDecoderModel


@dataclass(frozen=True, kw_only=True, eq=False)
class Lens:
    """What was read after each kept block, at each kept position of a batch of one."""

    layers: tuple[int, ...]
    ids: Int[Tensor, "l p top"]  # the likeliest tokens, the likeliest first
    probabilities: Float[Tensor, "l p top"]
    kl: Float[Tensor, "l p"]  # to the network's answer, in nats
    entropy: Float[Tensor, "l p"]  # in nats
    agrees: Bool[Tensor, "l p"]  # whether the likeliest token is that of the answer


def read_early(
    model: DecoderModel | EncoderDecoderModel, stream: Float[Tensor, "*b d"]
) -> Float[Tensor, "*b v"]:
    """Scores of tokens from the residual stream after any block: final norm, output matrix."""
    stack = model.stack if isinstance(model, DecoderModel) else model.decoder
    return model.logits(stream if stack.final_norm is None else stack.final_norm(stream))


@torch.no_grad()
def lens(
    model: DecoderModel | EncoderDecoderModel,
    trace: Trace,
    *,
    top: int = 5,
    known: Sequence[int] | None = None,
) -> Lens:
    """The lens on a trace of one text that kept `output` and `final`; a block at a time.

    `known` are the ids that stand for tokens, where a vocabulary is padded with others.
    """
    answer = _log_p(model.logits(trace.at("final")[0]), known)
    rows = []
    for layer in trace.layers:
        log_p = _log_p(read_early(model, trace.at("output", layer)[0]), known)
        best = log_p.topk(min(top, log_p.shape[-1]), dim=-1)
        kl = (answer.exp() * (answer - log_p)).nan_to_num(0.0).sum(-1)
        agrees = best.indices[:, 0] == answer.argmax(-1)
        rows.append((best.indices, best.values.exp(), kl, _entropy(log_p), agrees))
    ids, probabilities, kl, entropy, agrees = map(torch.stack, zip(*rows, strict=True))
    return Lens(
        layers=trace.layers,
        ids=ids,
        probabilities=probabilities,
        kl=kl,
        entropy=entropy,
        agrees=agrees,
    )


def _log_p(logits: Float[Tensor, "p v"], known: Sequence[int] | None) -> Float[Tensor, "p v"]:
    if known is not None:
        hidden = torch.ones(logits.shape[-1], dtype=torch.bool, device=logits.device)
        hidden[list(known)] = False
        logits = logits.masked_fill(hidden, -torch.inf)
    return logits.float().log_softmax(-1)


def _entropy(log_p: Float[Tensor, "p v"]) -> Float[Tensor, " p"]:
    return torch.special.entr(log_p.exp()).sum(-1)
