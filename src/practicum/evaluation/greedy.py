"""Whether greedy decoding would say exactly this: read off one pass over the text that holds it.

From the text before a stretch, the likeliest token at every step gives that stretch exactly if the
stretch's every token is the likeliest after what stands before it. So a text of many questions with
their answers is read once, and nothing is generated.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from practicum.decoding.model import CausalModel, device_of, reading
from practicum.errors import DataError


def greedy_says(
    model: CausalModel,
    ids: Int[Tensor, "b t"],
    stretches: Sequence[slice],
    *,
    batch: int = 100,
) -> Bool[Tensor, "b n"]:
    """For every text and stretch of ids, whether greedy decoding would say it where it stands.

    Raises DataError for a stretch that is empty, begins a text or goes beyond it.
    """
    for stretch in stretches:
        if not 1 <= stretch.start < stretch.stop <= ids.shape[1]:
            raise DataError(
                f"ids {stretch.start} to {stretch.stop} of a text of {ids.shape[1]} cannot be "
                "asked for; expected one or more, behind the first"
            )
    found = []
    with reading(model):
        for rows in ids.split(batch):
            rows = rows.to(device_of(model))
            said = model.logits(model.hidden(rows[:, :-1])).argmax(-1) == rows[:, 1:]
            ends = [said[:, one.start - 1 : one.stop - 1].all(dim=1) for one in stretches]
            found.append(torch.stack(ends, dim=1).cpu())
    return torch.cat(found)
