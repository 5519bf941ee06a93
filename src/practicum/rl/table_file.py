"""A learned table on disk: JSON, which keeps every bit of a number, replaced whole or not."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from practicum.errors import CheckpointError
from practicum.training.checkpoint import replace_json

NAME = "table.json"


@dataclass
class TableState:
    """All that changes while a table is learned."""

    table: list[list[float]]
    episodes: int = 0  # ended so far
    steps: int = 0
    returns: list[float] = field(default_factory=list)  # of episodes not yet on the curve


def save_table(state: TableState, folder: Path, identity: str) -> None:
    """Replace the table in `folder`. Raises CheckpointError where it cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        replace_json(folder / NAME, {"identity": identity, **asdict(state)})
    except OSError as problem:
        raise CheckpointError(f"cannot save a table in {folder}: {problem}") from problem


def restore_table(state: TableState, folder: Path, identity: str) -> bool:
    """Bring `state` to where the saved one was; False where `folder` has none.

    Raises CheckpointError for a damaged file, or one of another learner, world or seed.
    """
    path = folder / NAME
    if not path.exists():
        return False
    try:
        data = json.loads(path.read_text())
        if data["identity"] != identity:
            raise CheckpointError(
                f"{path} is of another learner, environment, length or seed; choose another folder"
            )
        saved = TableState(**{name: data[name] for name in asdict(state)})
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise CheckpointError(
            f"{path} is damaged ({problem}); remove it to start over"
        ) from problem
    state.table, state.returns = saved.table, saved.returns
    state.episodes, state.steps = saved.episodes, saved.steps
    return True


def forget_table(folder: Path) -> None:
    """Remove the table in `folder`: the next run starts over."""
    (folder / NAME).unlink(missing_ok=True)
