"""What an architecture of GGUF files is: its metadata as a description, and its tensors' names.

Metadata stand under the architecture's name; what is there but not built is refused by name.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from practicum.errors import ModelError
from practicum.models.decoder import Decoder
from practicum.models.gguf import GGUF
from practicum.models.weight_table import Row


class Entries:
    """The metadata of a file under the name of its architecture."""

    def __init__(self, metadata: Mapping[str, Any], prefix: str) -> None:
        self.metadata, self.prefix = metadata, prefix

    def whole(self, key: str, default: int | None = None) -> int:
        """The entry `key`, a positive whole number."""
        value = self.metadata.get(self.prefix + key, default)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ModelError(f"{self.prefix}{key} is {value!r}; expected a positive whole number")
        return value

    def number(self, key: str, default: float | None = None) -> float:
        """The entry `key`, a number."""
        value = self.metadata.get(self.prefix + key, default)
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise ModelError(f"{self.prefix}{key} is {value!r}; expected a number")
        return float(value)

    def __contains__(self, key: str) -> bool:
        return self.prefix + key in self.metadata

    def refuse(self, key: str, *plain: Any) -> None:
        """Raises ModelError where the entry `key` is there and none of `plain`."""
        value = self.metadata.get(self.prefix + key)
        if value is not None and value not in plain:
            raise ModelError(f"the file sets {self.prefix}{key} = {value!r}, which is not built")


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """`name` as in `general.architecture`. Tensors may be seen through views, as in every table."""

    name: str
    describe: Callable[[Entries, GGUF], Decoder]  # raises ModelError for what is not built
    weights: Callable[[Decoder], Iterable[Row]]

    def description(self, file: GGUF) -> Decoder:
        """The description that the metadata of `file` stands for."""
        return self.describe(Entries(file.metadata, f"{self.name}."), file)


def shape(entries: Entries, file: GGUF) -> dict[str, Any]:
    """What every architecture's builder is told, and `head_width`.

    Raises ModelError: experts, values or rotary turns of another width than the heads, rotary
    factors in a tensor, no embedding.
    """
    entries.refuse("expert_count", 0)
    if "rope_freqs.weight" in file.tensors:
        raise ModelError("the file scales its rotary positions (rope_freqs.weight); not built")
    if "token_embd.weight" not in file.tensors:
        raise ModelError("the file has no token_embd.weight; it is not a language model")
    width, heads = entries.whole("embedding_length"), entries.whole("attention.head_count")
    head_width = entries.whole("attention.key_length", width // heads)
    entries.refuse("attention.value_length", head_width)
    entries.refuse("rope.dimension_count", head_width)
    return {
        "width": width,
        "depth": entries.whole("block_count"),
        "heads": heads,
        "kv_heads": entries.whole("attention.head_count_kv", heads),
        "head_width": head_width,
        "hidden": entries.whole("feed_forward_length"),
        "vocab": file.tensors["token_embd.weight"].shape[0],
        "context": entries.whole("context_length"),
        "tied": "output.weight" not in file.tensors,
    }


def refuse_scaled_positions(entries: Entries) -> None:
    """Raises ModelError where rotary positions are scaled."""
    entries.refuse("rope.scaling.type", "none")
    entries.refuse("rope.scale_linear", 1.0)
