"""A network whose weights still lie in a file: loaded whole, or read one parameter at a time."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from practicum.models.build import build
from practicum.models.weight_table import Row, Source, check_names, fill, gathered


@dataclass(frozen=True, kw_only=True)
class StoredNetwork:
    """What a file or a folder says of a network, and where each of its parameters is to be found.

    `ignored` are patterns of names in `source` that are rightly left over.
    """

    description: Any  # what `build` takes
    rows: tuple[Row, ...]
    source: Source
    dtype: torch.dtype  # that most weights are stored in
    ignored: tuple[str, ...] = ()

    def load(
        self, *, dtype: torch.dtype | None = None, device: torch.device | str = "cpu"
    ) -> nn.Module:
        """The network with its weights, in `dtype` (None: as stored).

        Raises CheckpointError: weights missing, left over, of another shape, or not numbers.
        """
        model = build(self.description, device="meta")
        fill(
            model,
            self.rows,
            self.source,
            dtype=dtype or self.dtype,
            device=device,
            ignored=self.ignored,
        )
        return model

    def empty(self) -> nn.Module:
        """The network on the meta device. Raises CheckpointError: weights missing or left over."""
        model = build(self.description, device="meta")
        check_names(model, self.rows, self.source, self.ignored)
        return model

    def unused(self) -> list[str]:
        """Names in the source that no parameter is made of."""
        used = {part.name for row in self.rows for part in row.parts}
        return [name for name in self.source.shapes if name not in used]

    def dtypes(self) -> Iterator[tuple[str, torch.dtype]]:
        """The dtype each parameter of ours is stored in, the widest where it is made of several."""
        for row in self.rows:
            kinds = [self.source.dtype_of(part.name) for part in row.parts]
            widest = kinds[0]
            for kind in kinds[1:]:
                widest = torch.promote_types(widest, kind)
            yield row.ours, widest

    def parameter(self, row: Row, shape: torch.Size, dtype: torch.dtype) -> Tensor:
        """Our parameter that `row` says, in memory of its own. Raises CheckpointError as `load`."""
        return gathered(row, shape, self.source, dtype, torch.device("cpu"))
