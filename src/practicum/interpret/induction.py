"""Random text read twice: which heads look back at what came next the first time.

Random tokens have no meaning, so whoever predicts their second round well has read the first one
(Elhage et al. 2021; Olsson et al. 2022). Heads are chosen on some texts and reported on others.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

from practicum.interpret.heads import first, head_scores, induction, previous, score
from practicum.interpret.kept import Keep, Trace
from practicum.interpret.trace import trace
from practicum.models.decoder import DecoderModel


@dataclass(frozen=True, kw_only=True, eq=False)
class TwiceRead:
    """What was found: scores of the chosen heads on other texts than they were chosen on."""

    induction: float
    induction_head: tuple[int, int]  # layer and head, from 0
    unrepeated: float  # the same head, looking equally far back, where nothing is repeated
    previous: float
    previous_head: tuple[int, int]
    sinks: float  # the share of heads that put more than half of their weight on the first token
    first_half: float  # nats per token
    second_half: float
    atlas: dict[str, Float[Tensor, "l h"]]


def read_twice(
    model: DecoderModel, *, block: int, texts: int, generator: torch.Generator
) -> TwiceRead:
    """`texts` random blocks of `block` different tokens, each read twice in a row.

    The first half of the texts chooses the heads, the others give the numbers.
    """
    vocab = model.description.vocab
    drawn = [torch.randperm(vocab, generator=generator) for _ in range(texts)]
    once = torch.stack([order[:block] for order in drawn])
    keep = Keep(what=("weights", "logits"))
    seen = trace(model, torch.cat([once, once], dim=1), keep)
    half = texts // 2
    chosen = {
        name: _best(_scores(seen, where(seen.ids), slice(0, half)))
        for name, where in (("induction", induction), ("previous", previous))
    }
    losses = F.cross_entropy(
        seen.logits[half:, :-1].flatten(0, 1), seen.ids[half:, 1:].flatten(), reduction="none"
    ).view(texts - half, -1)
    found = {
        "induction": _scores(seen, induction(seen.ids), slice(half, None)),
        "previous": _scores(seen, previous(seen.ids), slice(half, None)),
        "first": _scores(seen, first(seen.ids), slice(half, None)),
    }
    plain = torch.stack([order[: 2 * block] for order in drawn])[half:]
    layer, head = chosen["induction"]
    alone = trace(model, plain, Keep(what=("weights",), layers=(layer,)))
    back = _looking_back(2 * block, block - 1).expand(len(plain), -1, -1)
    return TwiceRead(
        induction=float(found["induction"][chosen["induction"]]),
        induction_head=chosen["induction"],
        unrepeated=float(score(alone.at("weights", layer), back)[head]),
        previous=float(found["previous"][chosen["previous"]]),
        previous_head=chosen["previous"],
        sinks=float((found["first"] > 0.5).float().mean()),
        first_half=float(losses[:, : block - 1].mean()),
        second_half=float(losses[:, block:].mean()),
        atlas=head_scores(seen),
    )


def _scores(seen: Trace, where: Bool[Tensor, "b t t"], rows: slice) -> Float[Tensor, "l h"]:
    return torch.stack(
        [score(seen.at("weights", layer)[rows], where[rows]) for layer in seen.layers]
    )


def _best(scores: Float[Tensor, "l h"]) -> tuple[int, int]:
    layer, head = divmod(int(scores.argmax()), scores.shape[1])
    return layer, head


def _looking_back(t: int, far: int) -> Bool[Tensor, "1 t t"]:
    """True `far` places before each query of the second half."""
    line = torch.zeros(t, t, dtype=torch.bool)
    late: Int[Tensor, " n"] = torch.arange(far + 1, t)
    line[late, late - far] = True
    return line[None]
