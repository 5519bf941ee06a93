"""What a described network costs: parameters by part, arithmetic per token, bytes of its past."""

from collections import Counter

from practicum.models.build import build
from practicum.models.decoder import Decoder
from practicum.nn.attention import Attention
from practicum.nn.experts import ExpertsLayer
from practicum.nn.self_reader import SelfReader


def parameters_by_part(description: Decoder) -> dict[str, int]:
    """Parameters of the embedding, positions, mixers, feed-forwards, norms and head."""
    counts: Counter[str] = Counter()
    for name, parameter in build(description, device="meta").named_parameters():
        path = name.split(".")
        part = path[3] if path[:2] == ["stack", "blocks"] else path[0]
        counts["norms" if "norm" in name else part] += parameter.numel()
    return dict(counts)


def forward_flops_per_token(description: Decoder, length: int) -> float:
    """Floating-point operations to read one token of a text of `length`, averaged over the text.

    Two per weight of every matrix a token passes through, the output matrix included and the
    embedding look-up not, and four per head width and visible token in attention (scores and
    mixture). Of experts those count that read the token. Norms and activations, under 1 %, are left
    out.
    """
    parts = parameters_by_part(description)
    matrices = parts["mixer"] + parts.get("ffn", 0) - idle_parameters(description)
    output = description.vocab * description.stack.width
    attention = 0.0
    for block in description.stack.blocks:
        mixer, width = block.mixer, description.stack.width
        if isinstance(mixer, Attention):
            width = mixer.heads * mixer.width_per_head(width)
        if isinstance(mixer, Attention | SelfReader):
            attention += 4.0 * width * _seen(length, mixer.window)
    return 2.0 * (matrices + output) + attention


def active_parameters(description: Decoder) -> int:
    """How many parameters a token passes through: all but those of experts it did not choose.

    They cost arithmetic, the others only memory (Jiang et al. 2024, §2.1). The whole embedding
    counts, as in published numbers, though a token looks up one row of it.
    """
    return sum(parameters_by_part(description).values()) - idle_parameters(description)


def idle_parameters(description: Decoder) -> int:
    """Those of the experts that a token does not choose."""
    idle = 0
    for module in build(description, device="meta").modules():
        if isinstance(module, ExpertsLayer):
            stacked = module.up.weight.numel() + module.down.weight.numel()
            count, top = module.description.count, module.description.top
            idle += stacked // count * (count - top)
    return idle


def training_flops_per_token(description: Decoder, length: int) -> float:
    """Forward and backward: three times the forward pass."""
    return 3.0 * forward_flops_per_token(description, length)


def state_bytes(description: Decoder, rows: int, capacity: int) -> int:
    """Bytes of the past of `rows` texts of `capacity` tokens, in float32."""
    return build(description, device="meta").new_state(rows, capacity).nbytes


def _seen(length: int, window: int | None) -> float:
    """Tokens a query looks at, averaged over the positions of a text of `length`."""
    window = min(window or length, length)
    return (window * (window + 1) / 2 + (length - window) * window) / length
