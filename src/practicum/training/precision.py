"""In which precision to multiply. Weights, norms, losses and optimiser states stay in float32.

bfloat16 runs only where the machine multiplies it natively: on CPUs without such instructions a
bfloat16 product is fifty to a hundred times slower than a float32 one.
"""

from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import torch

from practicum.errors import ConfigError

Precision = Literal["float32", "bfloat16", "auto"]  # auto: bfloat16 on GPUs that have it


def bfloat16_is_native(device: torch.device) -> bool:
    """Whether this device has bfloat16 matrix instructions."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    return device.type == "cpu" and torch.cpu._is_avx512_bf16_supported()


def precise(precision: Precision, device: torch.device) -> AbstractContextManager[object]:
    """A context in which the model's products are computed in `precision`.

    Raises ConfigError where bfloat16 was asked for by name and is not native.
    """
    if precision == "float32" or (precision == "auto" and device.type != "cuda"):
        return nullcontext()
    if not bfloat16_is_native(device):
        if precision == "auto":
            return nullcontext()
        raise ConfigError(
            f"this {device.type} has no bfloat16 instructions and would be far slower with it; "
            "use precision float32 or auto"
        )
    return torch.autocast(device.type, dtype=torch.bfloat16)
