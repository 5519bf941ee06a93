"""Encoders made for vectors of sentences, from folders of `sentence-transformers` or plain ones.

    modules.json                the steps: a transformer, how its states are pooled, perhaps a norm
    1_Pooling/config.json       mean, max, or the first token's state
    sentence_bert_config.json   the longest text, in tokens

Where the first is missing, a folder of `transformers` alone, the mean is taken and brought to
length one, as most such models were trained. Where the last is missing a text may be as long as the
network and its tokenizer's configuration allow. Steps that are not built (Dense, for one) and
prompts that a model wants before every text are refused.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch

from practicum.data.assets import assets
from practicum.data.fetch import ensure
from practicum.errors import CheckpointError, ModelError, UnknownName
from practicum.kernels.pooling import HOWS, How
from practicum.models.encoder_folder import open_encoder
from practicum.models.hub import snapshot
from practicum.models.safetensors_folder import read_json
from practicum.models.text_encoder import TextEncoderModel
from practicum.tokenizers.wordpiece import WordPiece
from practicum.tokenizers.wordpiece_files import load_wordpiece

WAYS = "an embedder is named by a folder, an asset, or a hub name such as owner/name"
_MODES: dict[str, How] = {"mean_tokens": "mean", "max_tokens": "max", "cls_token": "cls"}


@dataclass(frozen=True, kw_only=True)
class Pooling:
    """How the states of a text become one vector."""

    how: How = "mean"
    normalised: bool = True  # brought to length one


@dataclass(frozen=True, kw_only=True, eq=False)
class SentenceEncoder:
    """An encoder with its weights, and what it needs to make vectors of texts."""

    name: str
    model: TextEncoderModel
    tokenizer: WordPiece
    pooling: Pooling
    longest: int  # tokens of a text, those at its ends included
    source: str  # the folder it was read from


def load_sentence_encoder(
    reference: str, *, device: torch.device | str = "cpu", dtype: torch.dtype | None = None
) -> SentenceEncoder:
    """The encoder that `reference` names, on `device`.

    Raises UnknownName; CheckpointError: files missing, truncated or of another model; ModelError:
    an architecture or a step that is not built; TokenizerError; AssetError: it cannot be brought.
    """
    folder = _folder(reference)
    body, pooling = _steps(folder)
    network = open_encoder(body)
    tokenizer = load_wordpiece(body)
    if tokenizer.size > network.description.vocab:
        raise CheckpointError(
            f"{body} holds a tokenizer of {tokenizer.size} tokens and an encoder of "
            f"{network.description.vocab}; they are not of one model"
        )
    if tokenizer.begin is None or tokenizer.end is None:
        raise CheckpointError(f"{body} holds a tokenizer without [CLS] or [SEP]; a text needs both")
    _refuse_prompts(folder)
    return SentenceEncoder(
        name=Path(reference).resolve().name if Path(reference).is_dir() else reference,
        model=cast(TextEncoderModel, network.load(dtype=dtype, device=device)),
        tokenizer=tokenizer,
        pooling=pooling,
        longest=_longest(body, network.description.context, tokenizer),
        source=str(folder),
    )


def embedder_assets() -> list[str]:
    """The assets that are encoders of sentences."""
    return [asset.name for asset in assets().values() if asset.parser == "safetensors"]


def _folder(reference: str) -> Path:
    path = Path(reference).expanduser()
    if path.is_dir():
        return path
    if reference in embedder_assets():
        return ensure(reference)
    if path.exists() or reference.startswith(("/", "~", ".")):
        raise CheckpointError(f"{path} is no folder; {WAYS}")
    if re.fullmatch(r"[\w-][\w.-]*/[\w-][\w.-]*", reference):
        return snapshot(reference)
    raise UnknownName("embedder", reference, embedder_assets(), f"({WAYS})")


def _steps(folder: Path) -> tuple[Path, Pooling]:
    """Where the transformer lies, and how its states are pooled."""
    listing = folder / "modules.json"
    if not listing.is_file():
        if not (folder / "config.json").is_file():
            raise CheckpointError(
                f"{folder} holds neither modules.json nor config.json; it is no encoder's folder"
            )
        return folder, Pooling()
    steps = _list(listing)
    kinds = [str(step.get("type", "")).rpartition(".")[2] for step in steps]
    if kinds not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]):
        raise ModelError(
            f"{listing}: its steps are {', '.join(kinds) or 'none'}; expected Transformer, Pooling "
            "and perhaps Normalize"
        )
    places = [_inside(folder, step.get("path", "")) for step in steps]
    return places[0], Pooling(how=_how(places[1] / "config.json"), normalised=len(steps) == 3)


def _list(file: Path) -> list[Mapping[str, Any]]:
    try:
        steps = json.loads(file.read_bytes())
    except OSError as problem:
        raise CheckpointError(f"cannot read {file}: {problem.strerror}") from problem
    except ValueError as problem:
        raise CheckpointError(f"{file} is truncated or not JSON; bring it again") from problem
    if not isinstance(steps, list) or not all(isinstance(step, Mapping) for step in steps):
        raise CheckpointError(f"{file} is not a list of steps; bring it again")
    return steps


def _inside(folder: Path, path: Any) -> Path:
    """A step's folder, which lies within the model's."""
    place = folder / str(path)
    if not place.resolve().is_relative_to(folder.resolve()):
        raise CheckpointError(f"{folder}/modules.json names a folder outside of it ({path!r})")
    return place


def _how(file: Path) -> How:
    config = read_json(file)
    named = config.get("pooling_mode")
    if named in HOWS:
        return named
    on = [
        key.removeprefix("pooling_mode_")
        for key, value in config.items()
        if key.startswith("pooling_mode_") and value
    ]
    if named is None and len(on) == 1 and on[0] in _MODES:
        return _MODES[on[0]]
    given = named or " and ".join(on) or "nothing"
    raise ModelError(f"{file}: states are pooled by {given}; one of {', '.join(HOWS)} is built")


def _refuse_prompts(folder: Path) -> None:
    place = folder / "config_sentence_transformers.json"
    default = read_json(place).get("default_prompt_name") if place.is_file() else None
    if default is not None:
        raise ModelError(
            f"{place}: the prompt {default!r} is to stand before every text, which is not built; "
            "take default_prompt_name out and write it into your texts"
        )


def _longest(body: Path, context: int, tokenizer: WordPiece) -> int:
    """The most tokens of a text."""
    place = body / "sentence_bert_config.json"
    said = read_json(place) if place.is_file() else {}
    if said.get("do_lower_case") and not tokenizer.plain.lower:
        raise ModelError(f"{place}: do_lower_case is set for a tokenizer that keeps large letters")
    longest = said.get("max_seq_length")
    if longest is None:
        beside = body / "tokenizer_config.json"
        longest = read_json(beside).get("model_max_length") if beside.is_file() else None
    if longest is None:
        return context
    if not isinstance(longest, int | float) or longest < 3:  # a text and its two ends
        raise ModelError(f"{body}: the longest text has {longest!r} tokens; expected 3 or more")
    return int(min(longest, context))
