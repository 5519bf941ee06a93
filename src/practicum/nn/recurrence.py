"""What a recurrence keeps of all it has read: some tensors of a fixed size for every row.

A mixer names the tensors and their shapes; it reads `kept`, and after each call says by `advance`
what they have become. Padding must not change them: `real` says which of the next tokens count.
What was read cannot be unread, so that `truncate` only accepts the lengths as they are; whoever
may have to go back takes a `snapshot` before.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from practicum.errors import ModelError
from practicum.nn.seen import Seen
from practicum.nn.state import Kept, Snapshot, shortened


class Recurrence(Kept):
    """Rows of named tensors, all zero before the first token."""

    def __init__(
        self,
        rows: int,
        shapes: Mapping[str, Sequence[int]],
        *,
        device: torch.device | str,
        dtype: torch.dtype,
    ) -> None:
        super().__init__(rows)
        self.kept = {
            name: torch.zeros(rows, *shape, device=device, dtype=dtype)
            for name, shape in shapes.items()
        }

    def advance(self, t: int, kept: Mapping[str, Tensor]) -> None:
        """Let `t` tokens have been read, after which this is kept."""
        for name, value in kept.items():
            known = self.kept[name].shape
            assert value.shape == known, f"{name} is {tuple(value.shape)}, was {tuple(known)}"
        self.kept = {**self.kept, **kept}
        self.counted(t)

    def see(self, k, v, scope) -> Seen:
        raise ModelError("a recurrence keeps no keys and values to look at")

    def select(self, rows: Sequence[int]) -> None:
        index = torch.tensor(list(rows), dtype=torch.long)
        self.kept = {name: value[index.to(value.device)] for name, value in self.kept.items()}
        self.lengths = [self.lengths[row] for row in rows]

    def truncate(self, lengths: Sequence[int]) -> None:
        """Raises ModelError where anything would have to be unread."""
        if shortened(self.lengths, lengths) != self.lengths:
            raise ModelError(
                f"a recurrence that has read {self.lengths} tokens cannot go back to "
                f"{list(lengths)}; take a snapshot before and restore it"
            )

    def snapshot(self) -> Snapshot:
        """The state as it is now, to be restored later: `advance` makes new tensors."""
        return Snapshot(lengths=tuple(self.lengths), kept=dict(self.kept))

    def restore(self, before: Snapshot) -> None:
        """Be as at the time of the snapshot."""
        self.lengths, self.kept = list(before.lengths), dict(before.kept)

    @property
    def nbytes(self) -> int:
        return sum(value.numel() * value.element_size() for value in self.kept.values())
