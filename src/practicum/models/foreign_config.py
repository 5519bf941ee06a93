"""Reading a foreign `config.json` entry by entry, with errors that name what is not supported.

What an entry of an unknown name does to the mathematics cannot be known, so a configuration is read
through a `Watched` one, and what nobody asked for is refused unless it is known to change nothing.
"""

import re
from collections import ChainMap
from collections.abc import Collection, Iterator, Mapping, Sized
from typing import Any, cast

from practicum.errors import ModelError
from practicum.kernels.activations import Activation

# Two names of one function: the first is what we write.
_NAMES: dict[Activation, tuple[str, ...]] = {
    "gelu_tanh": ("gelu_new", "gelu_pytorch_tanh"),
    "gelu": ("gelu",),
    "silu": ("silu", "swish"),
    "relu": ("relu",),
    "tanh": ("tanh",),
}

# Entries of any architecture that do not change what is computed: bookkeeping, how training starts
# and regularises, defaults of text generation, what else a call returns, ways to compute the same.
_HARMLESS = re.compile(
    r"_name_or_path|_commit_hash|architectures|auto_map|model_type|transformers_version|"
    r"(torch_)?dtype|torchscript|unsloth\w*|tokenizer_class|prefix|finetuning_task|problem_type|"
    r"(id2label|label2id|num_labels|task_specific_params|classifier_dropout|summary_\w+)|"
    r"(is_decoder|is_encoder_decoder|decoder_start_token_id|(bos|eos|pad|sep|unk)_token_id)|"
    r"(initializer_range|initializer_factor|init_std|layerdrop|router_aux_loss_coef)|"
    r"(use_cache|cache_implementation|use_return_dict|return_dict\w*|output_\w+)|"
    r"(pretraining_tp|gradient_checkpointing|reorder_and_upcast_attn|chunk_size_feed_forward)|"
    r"_?attn_implementation|(max|min)_length|(temperature|top_k|top_p|typical_p|do_sample)|"
    r"(num_beams|num_beam_groups|num_return_sequences|length_penalty|repetition_penalty)|"
    r"(diversity_penalty|early_stopping|(encoder_)?no_repeat_ngram_size|tf_legacy_loss)|"
    r"use_bfloat16|(rope_)?type"
)


class Watched(Mapping[str, Any]):
    """A configuration that remembers which of its entries, and of theirs, were asked for."""

    def __init__(self, entries: Mapping[str, Any], name: str = "") -> None:
        self._name, self._asked = name, set[str]()
        self._entries = {
            key: Watched(value, f"{name}{key}.") if isinstance(value, Mapping) else value
            for key, value in entries.items()
        }

    def __getitem__(self, key: str) -> Any:
        self._asked.add(key)
        return self._entries[key]

    def __contains__(self, key: object) -> bool:
        return key in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def refuse_unread(self, harmless: Collection[str] = ()) -> None:
        """Raises ModelError where an entry was not asked for, is on and is not known as harmless.

        `harmless` are names besides those that change nothing in any architecture.
        """
        unread = sorted(self._unread(harmless))
        if unread:
            more = f" and {len(unread) - 3} more" if len(unread) > 3 else ""
            raise ModelError(
                f"the configuration sets {', '.join(unread[:3])}{more}, which this architecture "
                "does not know; if it changes nothing that is computed, take it out of config.json"
            )

    def _unread(self, harmless: Collection[str]) -> Iterator[str]:
        for key, value in self._entries.items():
            off = value is None or value is False or (isinstance(value, Sized) and not value)
            if key in self._asked:
                yield from value._unread(harmless) if isinstance(value, Watched) else ()
            elif not off and key not in harmless and not _HARMLESS.fullmatch(key):
                yield f"{self._name}{key} = {value!r}"

    def __repr__(self) -> str:
        return repr(self._entries)


def defaulted(config: Mapping[str, Any], defaults: Mapping[str, Any]) -> Mapping[str, Any]:
    """`config` with `defaults` behind it; an entry that is there and null stays null."""
    return ChainMap(cast(dict[str, Any], config), cast(dict[str, Any], defaults))


def named_activation(name: str) -> Activation:
    """Our name of their activation. Raises ModelError for one that is not built."""
    for ours, theirs in _NAMES.items():
        if name in theirs:
            return ours
    known = ", ".join(name for names in _NAMES.values() for name in names)
    raise ModelError(f"the configuration asks for the activation {name!r}; built are: {known}")


def activation_name(activation: Activation) -> str:
    """Their name of our activation."""
    return _NAMES[activation][0]


def whole(config: Mapping[str, Any], key: str, default: int) -> int:
    """The entry `key`, a positive whole number; `default` where it is absent or null."""
    value = config.get(key)
    if value is None:
        return default
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ModelError(f"{key} is {value!r}; expected a positive whole number")
    return value


def number(config: Mapping[str, Any], key: str, default: float) -> float:
    """The entry `key`, a number; `default` where it is absent or null."""
    value = config.get(key)
    if value is None:
        return default
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise ModelError(f"{key} is {value!r}; expected a number")
    return float(value)


def refuse(config: Mapping[str, Any], *keys: str) -> None:
    """Raises ModelError where one of the switches `keys` is on: what they ask for is not built."""
    for key in keys:
        if config.get(key):
            raise ModelError(f"the configuration sets {key}, which is not built")
