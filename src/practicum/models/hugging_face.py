"""Model folders of the `transformers` library, read and written.

A folder holds `config.json`, the weights (see `safetensors_folder`), and usually a tokenizer and a
chat template. Which architectures are known, and what their weights are called, stands in
`families/*_weights.py`; a description that its family cannot express in full is not written.
"""

import importlib
import json
import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, cast

import torch

from practicum.config import to_json
from practicum.errors import CheckpointError, ConfigError, ModelError
from practicum.models import families as package
from practicum.models.decoder import Decoder, DecoderModel
from practicum.models.encoder_decoder import EncoderDecoderModel
from practicum.models.foreign_config import Watched
from practicum.models.safetensors_folder import (
    StoredWeights,
    open_weights,
    read_json,
    write_weights,
)
from practicum.models.staging import staged
from practicum.models.stored_network import StoredNetwork
from practicum.models.weight_table import Description, Family, outgoing
from practicum.nn.attention import Attention
from practicum.nn.selective import Selective
from practicum.nn.stack import Block, Stack
from practicum.tokenizers.chat import ChatTemplate
from practicum.tokenizers.json_file import save_tokenizer
from practicum.tokenizers.tokenizer import Tokenizer

SHARD_BYTES = 5 << 30

Network = DecoderModel | EncoderDecoderModel


def read_folder(
    path: str | Path, *, dtype: torch.dtype | None = None, device: torch.device | str = "cpu"
) -> Network:
    """The network in the folder; `dtype` None keeps the one that most weights are stored in.

    Raises ModelError: an architecture or a feature that is not built. CheckpointError: a file
    missing, truncated, pickled, or weights that do not match the configuration.
    """
    return cast(Network, open_folder(path).load(dtype=dtype, device=device))


def open_folder(path: str | Path) -> StoredNetwork:
    """The network in the folder, its weights not yet read. Raises as `read_folder`."""
    folder = Path(path)
    config = Watched(read_json(folder / "config.json"))
    family = _family(config, folder)
    try:
        description = family.from_config(config)
        config.refuse_unread(family.unread)
    except ModelError as problem:
        raise ModelError(f"{folder}: {problem}") from problem
    weights = _full_names(family, open_weights(folder))
    tied = isinstance(description, Decoder) and description.tied
    return StoredNetwork(
        description=description,
        rows=tuple(family.table(description, weights.tensors)),
        source=weights,
        dtype=weights.dtype,
        ignored=(*family.ignored, *([r"lm_head\.weight"] if tied else [])),
    )


def write_folder(
    model: Network,
    path: str | Path,
    *,
    tokenizer: Tokenizer | None = None,
    chat_template: ChatTemplate | None = None,
    max_shard_bytes: int = SHARD_BYTES,
) -> None:
    """Writes the network so that `transformers` loads it; the folder changes all at once.

    Raises ModelError: no known family expresses this description. CheckpointError: cannot write.
    """
    family = family_of(model.description)
    if family is None:
        raise ModelError(unfit(model.description))
    tensors = outgoing(model, family.weights(model.description))
    dtype = next(iter(tensors.values())).dtype
    with staged(Path(path)) as aside:
        write_weights(tensors, aside, max_shard_bytes=max_shard_bytes)
        write_text_side(aside, tokenizer, chat_template)
        write_config(aside, family, model.description, dtype=dtype, tokenizer=tokenizer)


def write_config(
    folder: Path,
    family: Family,
    description: Description,
    *,
    dtype: torch.dtype,
    tokenizer: Tokenizer | None,
) -> None:
    """The `config.json` of a network of `family`."""
    config = {
        "architectures": [family.architecture],
        "model_type": family.model_type,
        "dtype": str(dtype).removeprefix("torch."),
        "bos_token_id": tokenizer.begin if tokenizer else None,
        "eos_token_id": tokenizer.end if tokenizer else None,
        **family.to_config(description),
    }
    write_json(folder / "config.json", config)


@cache
def families() -> tuple[Family, ...]:
    """All that `practicum.models.families` holds, in the order of its files.

    They are found and not listed, so that a new one is a file, and no result that came about by
    another is taken for stale.
    """
    found: list[Family] = []
    for file in pkgutil.iter_modules(package.__path__):
        if file.name.endswith("_weights"):
            module = importlib.import_module(f"{package.__name__}.{file.name}")
            found += [value for value in vars(module).values() if isinstance(value, Family)]
    return tuple({family.architecture: family for family in found}.values())


def family_of(description: Description) -> Family | None:
    """The family whose configuration says all that the description says; None if there is none."""
    return next((family for family in families() if _misfit(family, description) is None), None)


def unfit(description: Description) -> str:
    """Why no architecture is this network, for a message."""
    reasons = (f"{family.architecture}: {_misfit(family, description)}" for family in families())
    return f"no known architecture is this network ({'; '.join(reasons)})"


def supported(folder: Path) -> str | None:
    """The architecture of the model in the folder; None where it is not built or not to be read."""
    try:
        return _family(read_json(folder / "config.json"), folder).architecture
    except (ModelError, CheckpointError):  # the question is whether, not why not
        return None


def write_text_side(
    folder: Path, tokenizer: Tokenizer | None, chat_template: ChatTemplate | None
) -> None:
    """The tokenizer and the chat template, in the files where `transformers` looks for them."""
    if tokenizer is not None:
        save_tokenizer(tokenizer, folder / "tokenizer.json")
    if chat_template is not None:
        place = folder / "tokenizer_config.json"
        config = read_json(place) if place.is_file() else {}
        texts = {"bos_token": chat_template.bos, "eos_token": chat_template.eos}
        write_json(place, config | {name: text for name, text in texts.items() if text})
        (folder / "chat_template.jinja").write_text(chat_template.source, encoding="utf-8")


def _family(config: Mapping[str, Any], folder: Path) -> Family:
    if config.get("quantization_config"):
        raise ModelError(
            f"{folder} holds quantised weights; bring the unquantised model, or a GGUF"
        )
    listed = config.get("architectures")
    named = listed if isinstance(listed, list) and listed else [None]
    for family in families():
        if named[0] in (family.architecture, family.base):
            return family
        if named[0] is None and config.get("model_type") == family.model_type:
            return family
    known = ", ".join(family.architecture for family in families())
    given = named[0] or config.get("model_type") or "model of an unnamed architecture"
    raise ModelError(
        f"{folder} holds a {given}, which is not built; architectures that can be loaded: {known}"
    )


def _full_names(family: Family, weights: StoredWeights) -> StoredWeights:
    """The whole model's names, also where its body was saved alone and lacks the prefix."""
    if any(name.startswith(family.prefix) for name in weights.tensors):
        return weights
    bare = [name for name in weights.tensors if name != "lm_head.weight"]
    return weights.renamed({name: family.prefix + name for name in bare})


def _misfit(family: Family, description: Description) -> str | None:
    """A place where the description differs from what its configuration would be read as."""
    if not isinstance(description, family.describes):
        return f"it is of a {family.describes.__name__}, not of a {type(description).__name__}"
    try:
        again = _plain(family.from_config(family.to_config(description)))
    except (ModelError, ConfigError) as problem:
        return str(problem)
    # How weights start is not in a configuration, and does not matter to a network that has some.
    return next(_differences(again, _plain(description)), None)


def _plain(description: Description) -> Any:
    """The description as JSON data in which equal networks are equal."""
    if isinstance(description, Decoder):
        return to_json(replace(description, stack=_plain_stack(description.stack), initial=()))
    encoder, decoder = _plain_stack(description.encoder), _plain_stack(description.decoder)
    return to_json(replace(description, encoder=encoder, decoder=decoder, initial=()))


def _plain_stack(stack: Stack) -> Stack:
    return replace(stack, block=tuple(_plain_block(block, stack.width) for block in stack.blocks))


def _plain_block(block: Block, width: int) -> Block:
    mixer, cross = block.mixer, block.cross
    if isinstance(mixer, Attention):
        block = replace(block, mixer=_plain_attention(mixer, width))
    if isinstance(mixer, Selective):
        block = replace(block, mixer=replace(mixer, rank=mixer.step_rank(width)))
    return block if cross is None else replace(block, cross=_plain_attention(cross, width))


def _plain_attention(mixer: Attention, width: int) -> Attention:
    head_width = mixer.width_per_head(width)
    return replace(
        mixer,
        kv_heads=mixer.kv_heads or mixer.heads,
        head_width=head_width,
        value_width=mixer.value_width or head_width,
        scale=mixer.scale or head_width**-0.5,
        out_bias=mixer.bias if mixer.out_bias is None else mixer.out_bias,
    )


def _differences(theirs: Any, ours: Any, where: str = "") -> Iterator[str]:
    if isinstance(theirs, dict) and isinstance(ours, dict) and theirs.keys() == ours.keys():
        for key in theirs:
            yield from _differences(theirs[key], ours[key], f"{where}.{key}" if where else key)
    elif isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
        for index, (one, other) in enumerate(zip(theirs, ours, strict=True)):
            yield from _differences(one, other, f"{where}.{index}")
    elif theirs != ours:
        yield f"{where} is {_short(ours)}, there it is {_short(theirs)}"


def _short(value: Any) -> str:
    return value["kind"] if isinstance(value, dict) and "kind" in value else repr(value)


def write_json(path: Path, data: dict[str, Any]) -> None:
    text = json.dumps(data, indent=2, ensure_ascii=False) + "\n"
    path.write_text(text, encoding="utf-8")
