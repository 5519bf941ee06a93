"""From what a user calls a model, a tokenizer or a device to the thing itself."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from practicum.cli.options import explained
from practicum.cli.render import showing_progress
from practicum.cli.tokenizer_files import read_tokenizer
from practicum.errors import ConfigError, ModelError, TokenizerError

if TYPE_CHECKING:
    from practicum.decoding.language_model import LanguageModel
    from practicum.decoding.translate import Translator
    from practicum.tokenizers.tokenizer import Tokenizer

PACKAGED = "smollm2"  # answers on any machine: free, small, and brought from the package index


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where a network computes, and in what."""

    device: str | None = explained(None, "cpu, cuda or cuda:1. [default: a GPU if there is one]")
    dtype: Literal["float32", "bfloat16", "float16"] | None = explained(None, "Of the weights.")

    def asked(self) -> dict[str, Any]:
        """`device` and `dtype` as what loads a network takes them."""
        import torch

        dtype = None if self.dtype is None else getattr(torch, self.dtype)
        return {"device": device_called(self.device), "dtype": dtype}


@dataclass(frozen=True, kw_only=True)
class Speaker(Placement):
    """A model, and where it computes."""

    model: str = explained(
        PACKAGED, "A folder, a .gguf file, an asset (practicum models) or a hub name."
    )

    def load(self) -> "LanguageModel":
        """The model with its tokenizer, its matrices laid out for a CPU's products."""
        from practicum.models.decoder import DecoderModel

        read = self.read()
        if isinstance(read.model, DecoderModel):
            read.model.prepack()
        return read

    def read(self) -> "LanguageModel":
        """The same as it is stored: for an engine, which lays matrices out in its own way."""
        from practicum.decoding.language_model import LanguageModel
        from practicum.models.load import load

        with showing_progress():
            loaded = load(self.model, **self.asked())
        if loaded.tokenizer is None:
            raise ModelError(f"{loaded.source} has no tokenizer.json; put the model's one there")
        return LanguageModel(loaded.model, loaded.tokenizer, loaded.chat_template)


def name_of(reference: str) -> str:
    """What a model is called that is named so: the last part, also of `.` or `~`."""
    path = Path(reference).expanduser()
    return path.resolve().name if path.is_dir() else path.name


def device_called(name: str | None) -> str:
    """The device if this machine has it; for None a GPU if there is one, else the processor."""
    import torch

    if name is None:
        return "cuda" if torch.cuda.is_available() else "cpu"
    kind, _, number = name.partition(":")
    if kind not in ("cpu", "cuda") or not (number.isdecimal() or not number):
        raise ConfigError(f"'{name}' is no device; give cpu, cuda or cuda:1")
    if kind == "cuda" and int(number or 0) >= torch.cuda.device_count():
        raise ConfigError(f"torch sees no {name} here; give --device cpu, or ask practicum doctor")
    return name


def translator_called(folder: str, device: str | None) -> "Translator":
    """The translator in a folder, on a device as `device_called` has it."""
    from practicum.decoding.translate import Translator
    from practicum.models.translators import load_translator

    if not folder:
        raise ConfigError("which translator? give --model FOLDER")
    place = device_called(device)
    loaded = load_translator(folder, device=place)
    return Translator(model=loaded.model, source=loaded.source, target=loaded.target, device=place)


def tokenizer_called(reference: str) -> "Tokenizer":
    """`bytes`, or the tokenizer of a file (see `cli.tokenizer_files`), a folder or an asset."""
    from practicum.data.assets import assets
    from practicum.data.fetch import ensure
    from practicum.tokenizers.bytes import ByteTokenizer

    if reference == "bytes":
        return ByteTokenizer()
    found = read_tokenizer(reference)
    if found is None and reference in assets():
        with showing_progress():
            found = read_tokenizer(str(ensure(reference)))
    if found is None:
        raise TokenizerError(
            f"no tokenizer '{reference}'; expected bytes, a tokenizer.json, .model, .tiktoken or "
            f".gguf file, a model's folder, or an asset such as {PACKAGED}"
        )
    return found
