"""A ready model by whatever names it: a folder, a GGUF file, an asset, or a name on the hub.

    load("smollm2")   load("runs/mine")   load("model.Q4_K.gguf")   load("owner/name")

A folder is one that `models.save` wrote, or one of the `transformers` library.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import torch

from practicum.data.assets import assets
from practicum.data.fetch import ensure, locate
from practicum.errors import CheckpointError, ModelError, UnknownName
from practicum.models.decoder import Decoder, DecoderModel
from practicum.models.encoder_decoder import EncoderDecoder
from practicum.models.gguf import read_gguf
from practicum.models.gguf_models import open_model
from practicum.models.hub import cached, snapshot
from practicum.models.hugging_face import open_folder, supported
from practicum.models.narrow_decoder import NarrowDecoder
from practicum.models.own_folder import kind_in, open_network
from practicum.models.safetensors_folder import read_json
from practicum.models.stored_network import StoredNetwork
from practicum.models.translators import KINDS as TRANSLATORS
from practicum.tokenizers.chat import ChatTemplate
from practicum.tokenizers.gguf_vocabulary import tokenizer_from_gguf
from practicum.tokenizers.json_file import load_tokenizer
from practicum.tokenizers.tokenizer import Tokenizer

WAYS = "a model is named by a folder, a .gguf file, an asset, or a hub name such as owner/name"


@dataclass(frozen=True, kw_only=True, eq=False)
class Pretrained:
    """A network with weights, and what it needs to read and write text."""

    name: str
    model: DecoderModel
    tokenizer: Tokenizer | None  # None: the folder holds none
    chat_template: ChatTemplate | None  # None: not made for conversations
    source: str  # the file or folder it was read from


@dataclass(frozen=True, kw_only=True, eq=False)
class Stored:
    """The same with the network's weights still in their file."""

    name: str
    network: StoredNetwork
    tokenizer: Tokenizer | None
    chat_template: ChatTemplate | None
    source: str


@dataclass(frozen=True, kw_only=True)
class Loadable:
    """A model that `load` knows by name; `path` None: it would be brought first."""

    name: str
    kind: Literal["asset", "hub"]
    path: Path | None
    about: str


def load(
    reference: str, *, device: torch.device | str = "cpu", dtype: torch.dtype | None = None
) -> Pretrained:
    """The model that `reference` names, on `device`.

    `dtype` None keeps the precision of the file; quantised weights become float32.

    Raises UnknownName; CheckpointError: files missing, truncated or of another model; ModelError:
    an architecture that is not built, or a translator; AssetError: it cannot be brought.
    """
    stored = open_stored(reference)
    if not isinstance(stored.network.description, Decoder):
        raise ModelError(
            f"{stored.source} holds a translator, expected a language model; use it by: "
            f"practicum translate --model {stored.source}"
        )
    return Pretrained(
        name=stored.name,
        model=cast(DecoderModel, stored.network.load(dtype=dtype, device=device)),
        tokenizer=stored.tokenizer,
        chat_template=stored.chat_template,
        source=stored.source,
    )


def open_stored(reference: str) -> Stored:
    """The same with its weights not yet read, and an encoder-decoder as well. Raises as `load`."""
    path = Path(reference).expanduser()
    if path.is_dir():
        return _in_folder(path, path.resolve().name)
    if path.suffix == ".safetensors":
        raise CheckpointError(f"{path} holds weights alone; name the folder that describes them")
    if path.is_file():
        return _in_gguf(path, path.stem)
    if reference in _asset_names():
        return _in_gguf(ensure(reference), reference)
    if reference.startswith(("/", "~", ".")) or path.suffix == ".gguf":
        raise CheckpointError(f"no file or folder {path}; {WAYS}")
    if re.fullmatch(r"[\w-][\w.-]*/[\w-][\w.-]*", reference):
        return _in_folder(snapshot(reference), reference)
    raise UnknownName("model", reference, _asset_names(), f"({WAYS})")


def loadable() -> list[Loadable]:
    """The models that `load` knows by name: assets, brought or not, and the hub's cache."""
    here = [
        Loadable(name=name, kind="asset", path=locate(name), about=assets()[name].what)
        for name in _asset_names()
    ]
    for name, folder in cached().items():
        architecture = supported(folder)
        if architecture is not None:
            here.append(Loadable(name=name, kind="hub", path=folder, about=architecture))
    return here


def _asset_names() -> list[str]:
    return [asset.name for asset in assets().values() if asset.parser == "gguf"]


def _in_gguf(path: Path, name: str) -> Stored:
    file = read_gguf(path)
    return Stored(
        name=name,
        network=open_model(file),
        tokenizer=tokenizer_from_gguf(file.metadata),
        chat_template=_gguf_template(file.metadata),
        source=str(path),
    )


def _in_folder(path: Path, name: str) -> Stored:
    kind = kind_in(path)
    if kind in TRANSLATORS and kind != EncoderDecoder.__name__:
        raise ModelError(
            f"{path} holds a translator, expected a language model; use it by: practicum translate "
            f"--model {path}"
        )
    if kind is not None:
        network = open_network(Decoder | NarrowDecoder | EncoderDecoder, path)
    elif (path / "config.json").is_file():
        network = open_folder(path)
    else:
        raise CheckpointError(
            f"{path} is not a model's folder: it holds no config.json and no description.json; "
            "if a save was cut short there, save again"
        )
    has_tokenizer = (path / "tokenizer.json").is_file()
    return Stored(
        name=name,
        network=network,
        tokenizer=load_tokenizer(path / "tokenizer.json") if has_tokenizer else None,
        chat_template=_folder_template(path),
        source=str(path),
    )


def _folder_template(folder: Path) -> ChatTemplate | None:
    place = folder / "tokenizer_config.json"
    config = read_json(place) if place.is_file() else {}
    source = config.get("chat_template")
    if isinstance(source, list):  # several by name
        named = {t.get("name"): t.get("template") for t in source if isinstance(t, Mapping)}
        source = named.get("default")
    if (folder / "chat_template.jinja").is_file():
        source = (folder / "chat_template.jinja").read_text(encoding="utf-8")
    if not isinstance(source, str):
        return None
    bos, eos = (_special(config.get(key)) for key in ("bos_token", "eos_token"))
    return ChatTemplate(source, bos=bos, eos=eos)


def _special(value: Any) -> str:
    """The text of a special token, which stands in the file alone or with its properties."""
    text = value.get("content") if isinstance(value, Mapping) else value
    return text if isinstance(text, str) else ""


def _gguf_template(metadata: Mapping[str, Any]) -> ChatTemplate | None:
    source = metadata.get("tokenizer.chat_template")
    if not isinstance(source, str):
        return None
    tokens = metadata.get("tokenizer.ggml.tokens", [])
    ids = (metadata.get(f"tokenizer.ggml.{name}_token_id") for name in ("bos", "eos"))
    bos, eos = (tokens[i] if isinstance(i, int) and 0 <= i < len(tokens) else "" for i in ids)
    return ChatTemplate(source, bos=bos, eos=eos)
