"""How much an engine does at once, and what it may use."""

from dataclasses import dataclass

from practicum.decoding.draft_model import DraftModel
from practicum.decoding.prompt_lookup import PromptLookup
from practicum.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The limits of an engine. Defaults suit a small model on a few cores."""

    rows: int = 16  # answers that are written side by side
    block: int = 16  # tokens of a block of memory
    memory: float = 2.0  # GB for keys and values; less is taken where all rows need less
    chunk: int = 256  # tokens of prompts that are read between two steps of the running answers
    waiting: int = 256  # questions that may wait; more are refused
    share: bool = True  # prompts with the same beginning read it once
    prepack: bool = True  # a second copy of the matrices that a CPU reads faster
    graphs: bool = True  # on a GPU, steps are recorded once and replayed (`serving.captured`)
    # who drafts, for models all in blocks; what a constraint demands is drafted anyway
    drafts: PromptLookup | DraftModel | None = None
    drafted: int = 4  # tokens drafted for each answer, fewer where many are written

    def __post_init__(self) -> None:
        for name in ("rows", "block", "chunk", "waiting", "drafted"):
            value = getattr(self, name)
            if value < 1:
                raise ConfigError(f"Settings.{name} is {value}; expected at least 1")
        if self.memory <= 0:
            raise ConfigError(f"Settings.memory is {self.memory} GB; expected more than 0")
        if isinstance(self.drafts, DraftModel) and not self.drafts.coupled:
            raise ConfigError(
                "an engine keeps the drafts that are what it would have said; give "
                "DraftModel(model=…, coupled=True)"
            )
