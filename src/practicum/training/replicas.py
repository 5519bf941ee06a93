"""Where copies of training state are kept so that a lost worker can be replaced.

In memory every worker holds its own latest copies and its neighbour's (Gemini Team 2023, §3:
"redundant in-memory copies of model state"); on disk every worker leaves a file now and then. Two
copies of each are kept, since a worker may be lost while the others have taken one step more: all
go on from the newest step of which every member has a copy.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from practicum.errors import CheckpointError
from practicum.training.member import Copy

KEPT = 2  # copies of each member


class ReplicaStore:
    """Copies in memory: of each member the latest two."""

    def __init__(self) -> None:
        self._copies: dict[tuple[int, int], Copy] = {}

    def hold(self, copy: Copy) -> None:
        """Keep the copy, and forget the oldest where there are more than two."""
        self._copies[copy.rank, copy.step] = copy
        for step in self.steps(copy.rank)[:-KEPT]:
            del self._copies[copy.rank, step]

    def steps(self, rank: int) -> list[int]:
        """The steps of the copies of this member, rising."""
        return sorted(step for whose, step in self._copies if whose == rank)

    def copy(self, rank: int, step: int) -> Copy:
        """The copy of this member at this step. Raises CheckpointError where there is none."""
        if (rank, step) not in self._copies:
            raise CheckpointError(
                f"no copy of member {rank} at step {step}; there are those of steps "
                f"{self.steps(rank)}"
            )
        return self._copies[rank, step]

    @property
    def nbytes(self) -> int:
        """Bytes of all copies."""
        return sum(copy.nbytes for copy in self._copies.values())


class DiskStore:
    """Copies as files below a folder, each of which appears whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def hold(self, copy: Copy) -> None:
        """As `ReplicaStore.hold`. Raises CheckpointError when the file cannot be written."""
        path = self._path(copy.rank, copy.step)
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        entries: dict[str, Any] = {f"array/{name}": array for name, array in copy.arrays.items()}
        entries |= {f"cursor/{name}": np.asarray(value) for name, value in copy.cursor.items()}
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with temporary.open("wb") as file:
                np.savez(file, **entries)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
            for step in self.steps(copy.rank)[:-KEPT]:
                self._path(copy.rank, step).unlink()
        except OSError as problem:
            raise CheckpointError(f"cannot write {path}: {problem}") from problem

    def steps(self, rank: int) -> list[int]:
        """The steps of the copies of this member, rising."""
        paths = self.folder.glob(f"member-{rank}-*.npz")
        return sorted(int(path.stem.rpartition("-")[2]) for path in paths)

    def copy(self, rank: int, step: int) -> Copy:
        """As `ReplicaStore.copy`."""
        path = self._path(rank, step)
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
                entries = {name: archive[name] for name in archive.files}
        except (OSError, ValueError, BadZipFile) as problem:
            raise CheckpointError(f"{path} is missing or damaged ({problem})") from problem
        parts: dict[str, dict[str, Any]] = {"cursor": {}, "array": {}}
        for name, value in entries.items():
            kind, _, key = name.partition("/")
            parts[kind][key] = value.item() if kind == "cursor" else value
        return Copy(rank=rank, step=step, cursor=parts["cursor"], arrays=parts["array"])

    def _path(self, rank: int, step: int) -> Path:
        return self.folder / f"member-{rank}-{step:08d}.npz"


def newest_common(steps: Iterable[Iterable[int]]) -> int | None:
    """The newest step in all of these lists of steps, one list a member; None: there is none."""
    common = set.intersection(*(set(one) for one in steps))
    return max(common, default=None)
