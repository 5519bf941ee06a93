"""Gemma 1, 2 and 3 (text) in GGUF files.

A file keeps gains with the 1 already added, and the rows of W_q and W_k as they are turned here.
What it does not say is as llama.cpp, for which it was written, has it: which layers have a window,
the rotary base of those in Gemma 3, and that the scores of the 27B models, known by their depth,
are scaled by the width per head of the stream and not of the heads.
"""

from collections.abc import Iterator
from dataclasses import replace

from practicum.errors import ModelError
from practicum.models.decoder import Decoder
from practicum.models.families import llama_gguf
from practicum.models.families.gemma import gemma, gemma2, gemma3
from practicum.models.gguf import GGUF
from practicum.models.gguf_architecture import (
    Architecture,
    Entries,
    refuse_scaled_positions,
    shape,
)
from practicum.models.weight_table import AS_IS, Part, Row, View
from practicum.nn.rope_scaling import Interpolated

ONE_LESS = View(read=lambda theirs: theirs - 1.0, write=lambda ours: ours + 1.0)
_EPS = "attention.layer_norm_rms_epsilon"


def weights(description: Decoder) -> Iterator[Row]:
    """Our parameters and the names of a file."""
    for row in _named(description):
        norm = row.ours.endswith(("norm.weight", "norm_after.weight"))
        parts = tuple(replace(part, view=ONE_LESS) for part in row.parts) if norm else row.parts
        yield Row(row.ours, parts)


def _named(description: Decoder) -> Iterator[Row]:
    yield from llama_gguf.weights(description, turned=lambda heads: AS_IS)
    for layer, block in enumerate(description.stack.blocks):
        more: dict[str, str] = {}
        if block.norms == "both":
            more = {"mixer_norm_after": "post_attention_norm", "ffn_norm_after": "post_ffw_norm"}
        if block.attention.qk_norm is not None:
            more |= {"mixer.q_norm": "attn_q_norm", "mixer.k_norm": "attn_k_norm"}
        for ours, theirs in more.items():
            name = f"blk.{layer}.{theirs}.weight"
            yield Row(f"stack.blocks.{layer}.{ours}.weight", (Part(name=name),))


def describe_gemma(entries: Entries, file: GGUF) -> Decoder:
    """The description that the metadata of a Gemma 1 stands for."""
    refuse_scaled_positions(entries)
    entries.refuse("attention.sliding_window", 0)
    return gemma(
        **shape(entries, file),
        base=entries.number("rope.freq_base", 10_000.0),
        eps=entries.number(_EPS, 1e-6),
    )


def describe_gemma2(entries: Entries, file: GGUF) -> Decoder:
    """The same of a Gemma 2."""
    refuse_scaled_positions(entries)
    entries.refuse("attention.sliding_window_pattern", 2)
    found = shape(entries, file)
    return gemma2(
        **found,
        window=entries.whole("attention.sliding_window", 4096),
        query=found["width"] // found["heads"] if found["depth"] == 46 else None,
        base=entries.number("rope.freq_base", 10_000.0),
        score_cap=entries.number("attn_logit_softcapping", 50.0),
        cap=entries.number("final_logit_softcapping", 30.0),
        eps=entries.number(_EPS, 1e-6),
    )


def describe_gemma3(entries: Entries, file: GGUF) -> Decoder:
    """The same of a Gemma 3."""
    found = shape(entries, file)
    capped = "final_logit_softcapping" in entries
    return gemma3(
        **found,
        window=entries.whole("attention.sliding_window"),
        every=entries.whole("attention.sliding_window_pattern", 6),
        query=found["width"] // found["heads"] if found["depth"] == 62 else None,
        base=entries.number("rope.freq_base", 1_000_000.0),
        local_base=entries.number("rope.freq_base_swa", 10_000.0),
        scaling=_scaling(entries),
        cap=entries.number("final_logit_softcapping") if capped else None,
        eps=entries.number(_EPS, 1e-6),
    )


def _scaling(entries: Entries) -> Interpolated | None:
    """Gemma 3 of 4B and more presses the positions of its far-sighted layers together."""
    entries.refuse("rope.scale_linear", 1.0)
    entries.refuse("rope.scaling.type", "none", "linear")
    if "rope.scaling.factor" not in entries:
        return None
    factor = entries.number("rope.scaling.factor")
    if factor < 1.0:
        raise ModelError(f"{entries.prefix}rope.scaling.factor is {factor}; expected 1 or more")
    return None if factor == 1.0 else Interpolated(factor=factor)


GEMMA = Architecture(name="gemma", describe=describe_gemma, weights=weights)
GEMMA2 = Architecture(name="gemma2", describe=describe_gemma2, weights=weights)
GEMMA3 = Architecture(name="gemma3", describe=describe_gemma3, weights=weights)
