"""The options of an engine, shared by the verbs that run one."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from practicum.cli.loading import Speaker
from practicum.cli.options import explained, naming
from practicum.errors import ConfigError, ModelError

if TYPE_CHECKING:
    from practicum.adapters.quantize import Quantized
    from practicum.decoding.draft_model import DraftModel
    from practicum.decoding.language_model import LanguageModel
    from practicum.decoding.prompt_lookup import PromptLookup
    from practicum.serving.settings import Settings
    from practicum.serving.worker import Worker

FIELDS = {f"Settings.{name}": f"--{name}" for name in ("rows", "memory", "chunk", "drafted")}
FIELDS |= {"Settings.waiting": "--max-waiting"}
PRECISIONS: "dict[str, Literal['float32', 'bfloat16', 'float16']]" = {
    "torch.float32": "float32",
    "torch.bfloat16": "bfloat16",
    "torch.float16": "float16",
}


@dataclass(frozen=True, kw_only=True)
class Room:
    """What the engine may use."""

    rows: int = explained(16, "Answers written side by side.")
    memory: float = explained(2.0, "GB for keys and values.")
    chunk: int = explained(256, "Tokens of prompts read between two steps.")
    bits: int | None = explained(
        None,
        "Of the weights: 32 changes nothing, 16 hardly, 8 and 4 somewhat. [default: 32 on a CPU, "
        "as loaded on a GPU]",
    )
    lookup: bool = explained(
        False, "Draft from the text itself: the same answers, sooner where they repeat it."
    )
    draft: str | None = explained(
        None, "A smaller model with the same tokenizer that drafts: the same answers, sooner."
    )
    draft_bits: int | None = explained(None, "As --bits, of the draft's weights.")
    drafted: int = explained(4, "Tokens drafted at once.")

    def __post_init__(self) -> None:
        if self.lookup and self.draft is not None:
            raise ConfigError("--lookup and --draft exclude each other; give one")
        if self.draft_bits is not None and self.draft is None:
            raise ConfigError("--draft-bits is of a draft model; give --draft, too")

    def check(self, waiting: int = 256) -> None:
        """Raises ConfigError for what no engine takes, before a model is loaded."""
        self._settings(waiting, None)
        for bits in (self.bits, self.draft_bits):
            _layout(bits)

    def worker(self, model: "LanguageModel", waiting: int = 256) -> "Worker":
        """An engine for `model`, running in a thread of its own.

        Raises ConfigError for impossible values, ModelError where a model cannot be packed or the
        draft does not fit.
        """
        from practicum.serving.engine import Engine
        from practicum.serving.worker import Worker

        settings = self._settings(waiting, self._drafts(model))
        _pack(model, self.bits)
        return Worker(Engine(model, settings))

    def _settings(self, waiting: int, drafts: "PromptLookup | DraftModel | None") -> "Settings":
        from practicum.serving.settings import Settings

        with naming(FIELDS):
            return Settings(
                rows=self.rows,
                memory=self.memory,
                chunk=self.chunk,
                waiting=waiting,
                drafts=drafts,
                drafted=self.drafted,
            )

    def _drafts(self, model: "LanguageModel") -> "PromptLookup | DraftModel | None":
        """Who drafts for `model`: a second one is where it is, and in the same precision."""
        from practicum.decoding.draft_model import DraftModel
        from practicum.decoding.model import device_of
        from practicum.decoding.prompt_lookup import PromptLookup

        if self.draft is None:
            return PromptLookup() if self.lookup else None
        dtype = PRECISIONS.get(str(next(iter(model.model.parameters())).dtype))
        place = str(device_of(model.model))
        drafter = Speaker(model=self.draft, device=place, dtype=dtype).read()
        check_same_tokens(self.draft, drafter, model)
        _pack(drafter, self.draft_bits)
        return DraftModel(model=drafter.model, coupled=True)


def check_same_tokens(name: str, draft: "LanguageModel", model: "LanguageModel") -> None:
    """Raises ModelError where the ids of the two stand for different bytes."""
    ours, theirs = model.tokenizer.vocabulary(), draft.tokenizer.vocabulary()
    if ours == theirs:
        return
    pairs = enumerate(zip(ours, theirs, strict=False))
    differ = next((f", id {i} {b!r} and {a!r}" for i, (a, b) in pairs if a != b), "")
    raise ModelError(
        f"--draft {name} has another tokenizer than the model: {len(theirs)} tokens and "
        f"{len(ours)}{differ}; give a smaller model of the same family"
    )


def _pack(model: "LanguageModel", bits: int | None) -> None:
    """Lay out the weights in as many bits; by default in 32, where that can be done."""
    import torch

    from practicum.decoding.model import device_of
    from practicum.models.decoder import DecoderModel

    network = model.model
    if not isinstance(network, DecoderModel):
        return  # which the engine refuses
    if bits is None:
        plain = type(network) is DecoderModel and device_of(network).type == "cpu"
        if not plain or network.embedding.weight.dtype != torch.float32:
            return
    _layout(bits).attach(network)


def _layout(bits: int | None) -> "Quantized":
    """Weights in as many bits, by default 32. Raises ConfigError where there is no such layout."""
    from practicum.adapters.quantize import Quantized

    # the output decides most, and is where ggml's files keep 8 bits
    return Quantized(bits=32 if bits is None else bits, output_bits=8 if bits == 4 else None)
