"""The options of an engine, shared by the verbs that run one."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from practicum.cli.options import explained

if TYPE_CHECKING:
    from practicum.decoding.language_model import LanguageModel
    from practicum.serving.worker import Worker


@dataclass(frozen=True, kw_only=True)
class Room:
    """What the engine may use."""

    rows: int = explained(16, "Answers written side by side.")
    memory: float = explained(2.0, "GB for keys and values.")
    chunk: int = explained(256, "Tokens of prompts read between two steps.")
    bits: int | None = explained(
        None, "Of the weights, on a CPU: 4, 8 or 16 (of which 4 and 8 change answers), or 32."
    )
    lookup: bool = explained(
        False, "Draft from the text itself: the same answers, sooner where they repeat it."
    )

    def worker(self, model: "LanguageModel", waiting: int = 256) -> "Worker":
        """An engine for `model`, running in a thread of its own.

        Raises ConfigError for impossible values, ModelError where the model cannot be packed.
        """
        from practicum.adapters.quantize import Quantized
        from practicum.decoding.prompt_lookup import PromptLookup
        from practicum.models.decoder import DecoderModel
        from practicum.serving.engine import Engine
        from practicum.serving.settings import Settings
        from practicum.serving.worker import Worker

        settings = Settings(
            rows=self.rows,
            memory=self.memory,
            chunk=self.chunk,
            waiting=waiting,
            lookup=PromptLookup() if self.lookup else None,
        )
        if self.bits is not None and isinstance(model.model, DecoderModel):
            Quantized(bits=self.bits).attach(model.model)
        return Worker(Engine(model, settings))
