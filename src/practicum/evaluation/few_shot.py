"""How often a thing is named rightly after a few examples."""

from collections.abc import Sequence

import torch

from practicum.data.alphabets import Episode
from practicum.models.few_shot import FewShotModel
from practicum.objectives.few_shot import Naming


@torch.no_grad()
def share_named_after(model: FewShotModel, examples: Sequence[Episode]) -> float:
    """How many of the last pictures get their right name."""
    batch = Naming().prepare(examples, torch.Generator()).to(next(model.parameters()).device)
    named = model(batch.pictures, batch.labels).argmax(-1)
    return float((named == batch.labels[:, -1]).float().mean())
