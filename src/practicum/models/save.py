"""A model's folder on disk: written all at once, read by `models.load`.

Where a known family of the `transformers` library expresses the network, the folder is one of
theirs (see `hugging_face`). Otherwise it holds the description and the weights under our names.
A network that translates has a folder of its own kind (see `translators`).
"""

from pathlib import Path

from practicum.models.decoder import DecoderModel
from practicum.models.hugging_face import (
    SHARD_BYTES,
    family_of,
    write_folder,
    write_text_side,
)
from practicum.models.own_folder import write_network
from practicum.models.staging import staged
from practicum.nn.packed_linear import refuse_packed
from practicum.tokenizers.chat import ChatTemplate
from practicum.tokenizers.tokenizer import Tokenizer


def save(
    model: DecoderModel,
    folder: str | Path,
    *,
    tokenizer: Tokenizer | None = None,
    chat_template: ChatTemplate | None = None,
    max_shard_bytes: int = SHARD_BYTES,
) -> None:
    """Writes the network, and its tokenizer and chat template where given, to `folder`.

    Raises ModelError where its matrices are packed; CheckpointError where it cannot be written, and
    what was there before then stays.
    """
    refuse_packed(model)
    if family_of(model.description) is not None:
        write_folder(
            model,
            folder,
            tokenizer=tokenizer,
            chat_template=chat_template,
            max_shard_bytes=max_shard_bytes,
        )
        return
    with staged(Path(folder)) as aside:
        write_text_side(aside, tokenizer, chat_template)
        write_network(model, model.description, aside, max_shard_bytes=max_shard_bytes)
