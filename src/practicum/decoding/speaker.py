"""A ready model with its tokenizer, by name; a tiny one where nothing is to be brought."""

from practicum.decoding.language_model import LanguageModel
from practicum.errors import ModelError
from practicum.models.build import build
from practicum.models.families.gpt2 import gpt2
from practicum.models.load import load
from practicum.tokenizers.bytes import ByteTokenizer


def speaker(reference: str | None, *, device: str = "cpu") -> LanguageModel:
    """The model that `reference` names for `models.load`; None: a tiny one that learned nothing.

    Raises as `load`, and ModelError for a model without a tokenizer.
    """
    if reference is None:
        tokenizer = ByteTokenizer()
        tiny = gpt2(width=8, depth=1, heads=1, vocab=tokenizer.size, context=512)
        return LanguageModel(build(tiny, device=device), tokenizer)
    loaded = load(reference, device=device)
    if loaded.tokenizer is None:
        raise ModelError(f"{loaded.source} has no tokenizer.json; put the model's one there")
    return LanguageModel(loaded.model, loaded.tokenizer, loaded.chat_template)
