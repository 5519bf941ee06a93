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
        None,
        "Of the weights on a CPU: 32 changes nothing, 16 hardly, 8 and 4 somewhat. [default: 32]",
    )
    lookup: bool = explained(
        False, "Draft from the text itself: the same answers, sooner where they repeat it."
    )

    def worker(self, model: "LanguageModel", waiting: int = 256) -> "Worker":
        """An engine for `model`, running in a thread of its own.

        Raises ConfigError for impossible values, ModelError where the model cannot be packed.
        """
        from practicum.decoding.prompt_lookup import PromptLookup
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
        self._pack(model)
        return Worker(Engine(model, settings))

    def _pack(self, model: "LanguageModel") -> None:
        """Lay out the weights in as many bits; by default in 32, where that can be done."""
        import torch

        from practicum.adapters.quantize import Quantized
        from practicum.decoding.model import device_of
        from practicum.models.decoder import DecoderModel

        network, bits = model.model, self.bits
        if not isinstance(network, DecoderModel):
            return  # which the engine refuses
        if bits is None:
            plain = type(network) is DecoderModel and device_of(network).type == "cpu"
            if not plain or network.embedding.weight.dtype != torch.float32:
                return
        # the output decides most, and is where ggml's files keep 8 bits
        Quantized(bits=bits or 32, output_bits=8 if bits == 4 else None).attach(network)
