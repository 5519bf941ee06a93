"""Rotary positions in a foreign `config.json`: the base, the share of a head, the scaling.

Releases of `transformers` from 5.0 on keep all of it in `rope_parameters`; those before kept the
scaling in `rope_scaling` and the base and the share beside it. Both are read, and both written.
"""

import math
from collections.abc import Mapping
from typing import Any

from practicum.errors import ModelError
from practicum.models.foreign_config import number, whole
from practicum.nn.positions import Rope
from practicum.nn.rope_scaling import Dynamic, Interpolated, RopeScaling, Smoothed, Yarn


def read_rope(
    config: Mapping[str, Any], base: float = 10_000.0, *, share: float | None = None
) -> Rope:
    """The rotary positions that the configuration asks for; `base` where it names none.

    `share` is the part of each head that is turned where the configuration does not say. With None
    the architecture turns whole heads, and an entry that says otherwise is refused.
    """
    places = {key: config.get(key) for key in ("rope_scaling", "rope_parameters")}
    found = [_rope(place, config, base, share, key) for key, place in places.items() if place]
    if found[1:] and found[0] != found[1]:
        raise ModelError("rope_scaling and rope_parameters say different things; take one of them")
    return found[0] if found else _rope({}, config, base, share)


def write_rope(rope: Rope) -> dict[str, Any]:
    """The entries of `config.json` that say the same."""
    parameters = {"rope_theta": rope.base, **_entries(rope.scaling)}
    written: dict[str, Any] = {"rope_theta": rope.base, "rope_parameters": parameters}
    if rope.share != 1.0:
        parameters["partial_rotary_factor"] = written["partial_rotary_factor"] = rope.share
    # where releases before 5.0 look
    return written if rope.scaling is None else written | {"rope_scaling": parameters}


def _rope(
    given: Any, config: Mapping[str, Any], base: float, share: float | None, name: str = ""
) -> Rope:
    if not isinstance(given, Mapping):
        raise ModelError(f"{name} is {given!r}; expected an object")
    key = "partial_rotary_factor"
    turned = [number(place, key, share or 1.0) for place in (config, given)]
    if share is None and turned != [1.0, 1.0]:
        raise ModelError(
            f"the configuration sets {key}, to turn a part of each head only; this architecture "
            "turns whole heads"
        )
    part = number(given, key, turned[0])
    if not 0.0 < part <= 1.0:
        raise ModelError(f"{key} is {part}; expected a share of each head, above 0 and up to 1")
    return Rope(
        base=number(given, "rope_theta", number(config, "rope_theta", base)),
        share=part,
        scaling=_scaling(given, config),
    )


def _scaling(given: Mapping[str, Any], config: Mapping[str, Any]) -> RopeScaling | None:
    kind = given.get("rope_type") or given.get("type") or "default"
    if kind == "default":
        return None
    if kind not in ("linear", "dynamic", "yarn", "llama3"):
        raise ModelError(
            f"the configuration asks for rotary positions of type {kind!r}; built are default, "
            "linear, dynamic, yarn and llama3"
        )
    trained = whole(config, "max_position_embeddings", 2048)
    if kind == "dynamic":
        given.get("original_max_position_embeddings")  # may be there; the originals ignore it
        return Dynamic(factor=_needed(given, kind, "factor"), context=trained)
    if kind == "linear":
        return Interpolated(factor=_needed(given, kind, "factor"))
    context = whole(given, "original_max_position_embeddings", trained)
    if kind == "yarn":
        return _yarn(given, context)
    return Smoothed(
        factor=_needed(given, kind, "factor"),
        context=context,
        low=_needed(given, kind, "low_freq_factor"),
        high=_needed(given, kind, "high_freq_factor"),
    )


def _yarn(given: Mapping[str, Any], context: int) -> Yarn:
    factor = _needed(given, "yarn", "factor")
    growth = number(given, "attention_factor", 0.0) or None
    one, all_of_it = number(given, "mscale", 0.0), number(given, "mscale_all_dim", 0.0)
    if growth is None and one and all_of_it:
        log = 0.1 * math.log(factor)
        growth = (one * log + 1.0) / (all_of_it * log + 1.0)
    return Yarn(
        factor=factor,
        context=context,
        fast=number(given, "beta_fast", 32.0),
        slow=number(given, "beta_slow", 1.0),
        growth=growth,
        whole=bool(given.get("truncate", True)),
    )


def _entries(scaling: RopeScaling | None) -> dict[str, Any]:
    if scaling is None:
        return {"rope_type": "default"}
    if isinstance(scaling, Interpolated):
        return {"rope_type": "linear", "factor": scaling.factor}
    if isinstance(scaling, Dynamic):
        return {"rope_type": "dynamic", "factor": scaling.factor}
    context = {"original_max_position_embeddings": scaling.context, "factor": scaling.factor}
    if isinstance(scaling, Smoothed):
        borders = {"low_freq_factor": scaling.low, "high_freq_factor": scaling.high}
        return {"rope_type": "llama3", **context, **borders}
    growth = {} if scaling.growth is None else {"attention_factor": scaling.growth}
    turns = {"beta_fast": scaling.fast, "beta_slow": scaling.slow, "truncate": scaling.whole}
    return {"rope_type": "yarn", **context, **turns, **growth}


def _needed(given: Mapping[str, Any], kind: str, key: str) -> float:
    if given.get(key) is None:
        raise ModelError(
            f"rotary positions of type {kind!r} need {key}; the configuration has none"
        )
    return number(given, key, 1.0)
