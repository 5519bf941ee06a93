"""A translator's folder: the network under our own names, and a tokenizer for either language.

`tokenizer.json` is the target's, `source_tokenizer.json` the source's; where one serves both, both
files hold it, so that saving over another translator leaves none of its files in use.
"""

from dataclasses import dataclass
from pathlib import Path

import torch

from practicum.errors import CheckpointError, ModelError
from practicum.models.encoder_decoder import EncoderDecoder, EncoderDecoderModel
from practicum.models.hugging_face import SHARD_BYTES
from practicum.models.own_folder import kind_in, read_network, write_network
from practicum.models.recurrent import Recurrent, RecurrentModel
from practicum.models.staging import staged
from practicum.tokenizers.json_file import load_tokenizer, save_tokenizer
from practicum.tokenizers.tokenizer import Tokenizer

TranslatorModel = EncoderDecoderModel | RecurrentModel
KINDS = {description.__name__: description for description in (EncoderDecoder, Recurrent)}
SOURCE, TARGET = "source_tokenizer.json", "tokenizer.json"


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

    Raises CheckpointError where it cannot be written; what was there before then stays.
    """
    with staged(Path(folder)) as aside:
        write_network(model, model.description, aside, max_shard_bytes=SHARD_BYTES)
        save_tokenizer(source, aside / SOURCE)
        save_tokenizer(target, aside / TARGET)


def load_translator(
    folder: str | Path, *, device: torch.device | str = "cpu", dtype: torch.dtype | None = None
) -> TrainedTranslator:
    """The translator in `folder`, on `device`; `dtype` None keeps the precision of the file.

    Raises CheckpointError: no such folder, files missing, truncated or of another model;
    ModelError: it holds a model that is no translator; TokenizerError.
    """
    place = Path(folder).expanduser()
    if not place.is_dir():
        raise CheckpointError(
            f"no folder {place}; a translator is a folder that practicum train --task translation "
            "made"
        )
    kind = kind_in(place)
    if kind not in KINDS:
        if kind is None and not (place / "config.json").is_file():
            raise CheckpointError(f"{place} is not a model's folder: it holds no description.json")
        raise ModelError(
            f"{place} holds a language model, which does not translate; ask it by practicum "
            "generate, or make a translator: practicum train --task translation"
        )
    model = read_network(KINDS[kind], place, device=device, dtype=dtype)
    source, target = load_tokenizer(place / SOURCE), load_tokenizer(place / TARGET)
    return TrainedTranslator(name=place.resolve().name, model=model, source=source, target=target)
