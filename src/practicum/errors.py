"""What can go wrong, said to a person: what was given, what was expected, what to do.

Every error that a user can cause derives from `PracticumError`; only the shells (`cli`, `web`)
catch it.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class PracticumError(Exception):
    """Base of everything a user can cause. Its text is one line that can be shown as it is."""


class ConfigError(PracticumError):
    """A description is impossible, or a field or value does not fit it."""


class UnknownName(PracticumError):
    """A name that is not in the set it was looked up in."""

    def __init__(self, what: str, given: str, known: Iterable[str], hint: str = "") -> None:
        known = sorted(known)
        near = get_close_matches(given, known, n=3, cutoff=0.5)
        tail = f"did you mean {', '.join(near)}?" if near else f"known: {', '.join(known[:12])}"
        more = " …" if not near and len(known) > 12 else ""
        super().__init__(f"no {what} '{given}'; {tail}{more}{' ' + hint if hint else ''}")


class DataError(PracticumError):
    """A corpus, file or batch that cannot be read or is not what it was declared to be."""


class AssetError(PracticumError):
    """An asset that cannot be brought, whose hash differs, or whose licence was not accepted."""


class TokenizerError(PracticumError):
    """Text or ids outside what a tokenizer can do, or an unreadable tokenizer file."""


class ModelError(PracticumError):
    """A model that cannot be built, loaded, or asked for what was asked (context overflow)."""


class CheckpointError(PracticumError):
    """A checkpoint or weight file that is missing, truncated, or of another model."""


class StoreError(PracticumError):
    """The store of results cannot be opened, migrated or written."""


class TrainingError(PracticumError):
    """Training cannot go on: the loss diverged, or the budget makes no sense."""


class Interrupted(PracticumError):
    """The process was asked to stop; what was done so far has been saved."""


class Busy(PracticumError):
    """More is asked than can wait; `retry_after` says in how many seconds to try again."""

    def __init__(self, waiting: int, retry_after: float) -> None:
        self.retry_after = retry_after
        super().__init__(
            f"no room for another question: {waiting} wait, or come with it; try again in "
            f"{retry_after:.0f} seconds"
        )


class GivenUp(PracticumError):
    """An answer that was not finished in the time it was given."""
