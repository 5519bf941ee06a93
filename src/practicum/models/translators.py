"""A translator's folder: the network under our own names, and a tokenizer for either language.

`tokenizer.json` is the target's, `source_tokenizer.json` the source's; where one serves both, both
files hold it, so that saving over another translator leaves none of its files in use.

A folder of `transformers` with a text-to-text model (T5) is one, too: there one tokenizer reads and
writes, a `tokenizer.json`, a SentencePiece `spiece.model`, or ByT5's, which is in no file.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from practicum.errors import CheckpointError, ModelError
from practicum.models.encoder_decoder import EncoderDecoder, EncoderDecoderModel
from practicum.models.hub import snapshot
from practicum.models.hugging_face import (
    SHARD_BYTES,
    read_folder,
    write_folder,
    write_json,
)
from practicum.models.own_folder import kind_in, read_network, write_network
from practicum.models.recurrent import Recurrent, RecurrentModel
from practicum.models.safetensors_folder import read_json
from practicum.models.staging import staged
from practicum.tokenizers.json_file import load_tokenizer, save_tokenizer
from practicum.tokenizers.offset_bytes import OffsetBytes
from practicum.tokenizers.sentencepiece_file import load_sentencepiece
from practicum.tokenizers.sentencepiece_model import Kind, Piece
from practicum.tokenizers.text_to_text import TextToText
from practicum.tokenizers.tokenizer import Tokenizer
from practicum.tokenizers.unigram import Unigram

TranslatorModel = EncoderDecoderModel | RecurrentModel
KINDS = {description.__name__: description for description in (EncoderDecoder, Recurrent)}
SOURCE, TARGET = "source_tokenizer.json", "tokenizer.json"
SENTENCEPIECE, SETTINGS = "spiece.model", "tokenizer_config.json"
BYTES_CLASS = "ByT5Tokenizer"  # what transformers calls ByT5's tokenizer in SETTINGS


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainedTranslator:
    """A network with weights, and the tokenizers of what it reads and writes."""

    name: str
    model: TranslatorModel
    source: Tokenizer
    target: Tokenizer


def save_translator(
    model: TranslatorModel, folder: str | Path, *, source: Tokenizer, target: Tokenizer
) -> None:
    """Writes the network and its tokenizers to `folder`.

    One with a `TextToText` tokenizer goes into a folder of `transformers`.

    Raises CheckpointError where it cannot be written; ModelError for a text-to-text model that
    `transformers` does not have. What was there before then stays.
    """
    with staged(Path(folder)) as aside:
        if isinstance(target, TextToText) and isinstance(model, EncoderDecoderModel):
            _write_text_to_text(model, aside, target)
            return
        write_network(model, model.description, aside, max_shard_bytes=SHARD_BYTES)
        save_tokenizer(source, aside / SOURCE)
        save_tokenizer(target, aside / TARGET)


def load_translator(
    folder: str | Path, *, device: torch.device | str = "cpu", dtype: torch.dtype | None = None
) -> TrainedTranslator:
    """The translator in `folder`, on `device`; `dtype` None keeps the precision of the file.

    A name such as owner/name, where there is no such folder, is one of the Hugging Face hub.

    Raises CheckpointError: no such folder, files missing, truncated or of another model;
    ModelError: it holds a model that is no translator; TokenizerError; AssetError: nor has the hub.
    """
    place = Path(folder).expanduser()
    name = place.resolve().name
    if not place.is_dir() and re.fullmatch(r"[\w-][\w.-]*/[\w-][\w.-]*", str(folder)):
        name, place = str(folder), snapshot(str(folder))
    if not place.is_dir():
        raise CheckpointError(
            f"no folder {place}; a translator is a folder that practicum train --task translation "
            "made, or one of transformers with a T5"
        )
    kind = kind_in(place)
    if kind in KINDS:
        model = read_network(KINDS[kind], place, device=device, dtype=dtype)
        source, target = load_tokenizer(place / SOURCE), load_tokenizer(place / TARGET)
        return TrainedTranslator(name=name, model=model, source=source, target=target)
    if kind is None and not (place / "config.json").is_file():
        raise CheckpointError(f"{place} is not a model's folder: it holds no description.json")
    network = read_folder(place, device=device, dtype=dtype) if kind is None else None
    if not isinstance(network, EncoderDecoderModel):
        raise ModelError(
            f"{place} holds a language model, which does not translate; ask it by practicum "
            "generate, or make a translator: practicum train --task translation"
        )
    both = _text_to_text(place, rows=network.description.target_vocab)
    return TrainedTranslator(name=name, model=network, source=both, target=both)


def _text_to_text(folder: Path, *, rows: int) -> TextToText:
    """The tokenizer of a folder of `transformers` whose model has a matrix of so many rows."""
    settings = read_json(folder / SETTINGS) if (folder / SETTINGS).is_file() else {}
    if (folder / TARGET).is_file():
        tokenizer: Tokenizer = load_tokenizer(folder / TARGET)
    elif settings.get("tokenizer_class") == BYTES_CLASS:
        tokenizer = OffsetBytes(rows)
    elif (folder / SENTENCEPIECE).is_file():
        tokenizer = _with_sentinels(load_sentencepiece(folder / SENTENCEPIECE), settings)
    else:
        raise CheckpointError(
            f"{folder} has no tokenizer; put the model's {TARGET} or {SENTENCEPIECE} there"
        )
    if tokenizer.size > rows:
        raise ModelError(
            f"the tokenizer in {folder} has {tokenizer.size:,} ids for a model of {rows:,}; it is "
            "of another model"
        )
    config = read_json(folder / "config.json")
    named = (config.get(key) for key in ("decoder_start_token_id", "pad_token_id"))
    begin = next((number for number in named if isinstance(number, int)), None)
    if begin is None:
        raise ModelError(f"{folder}/config.json names no decoder_start_token_id; T5's is 0")
    return TextToText(tokenizer, begin=begin)


def _with_sentinels(tokenizer: Tokenizer, settings: Mapping[str, Any]) -> Unigram:
    """T5's file holds none of its sentinels: they follow, and the first of them is the last id."""
    if not isinstance(tokenizer, Unigram):
        raise ModelError(f"{SENTENCEPIECE} is of a {type(tokenizer).__name__}, expected a Unigram")
    model, count = tokenizer.model, settings.get("extra_ids", 100)
    more = (Piece(text=f"<extra_id_{i}>", kind=Kind.CONTROL) for i in reversed(range(count)))
    unknown = model.pieces[model.of(Kind.UNKNOWN)[0]].text
    return Unigram(
        replace(
            model,
            pieces=(*model.pieces, *more),
            unknown=unknown,  # as a tokenizer.json has it
            prefix_parts=True,
            closed=True,
        )
    )


def _write_text_to_text(model: EncoderDecoderModel, folder: Path, tokenizer: TextToText) -> None:
    """A folder that `transformers` reads, with its tokenizer."""
    inner = tokenizer.tokenizer
    if isinstance(inner, OffsetBytes):
        write_folder(model, folder)
        spare = {"extra_ids": inner.size - 259, "additional_special_tokens": None}
        write_json(folder / SETTINGS, {"tokenizer_class": BYTES_CLASS, **spare})
    else:
        write_folder(model, folder, tokenizer=inner)
    place = folder / "config.json"
    ids = {"decoder_start_token_id": tokenizer.begin, "eos_token_id": tokenizer.end}
    write_json(place, read_json(place) | ids)
