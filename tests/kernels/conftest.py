"""Where Triton's kernels can be tried: on a GPU, or number by number on a CPU.

For the latter Triton has to be installed, which is in none of this project's extras, and asked to
interpret before it is imported: `TRITON_INTERPRET=1 pytest tests/kernels -k triton`.
"""

import inspect
import os
from types import ModuleType

import pytest
import torch

from practicum.kernels import (
    cross_entropy_triton,
    grouped_linear_triton,
    packed_linear_triton,
    paged_attention_triton,
    selective_scan_triton,
)
from practicum.kernels.triton_language import kernel, triton

FILES = (
    cross_entropy_triton,
    grouped_linear_triton,
    packed_linear_triton,
    paged_attention_triton,
    selective_scan_triton,
)


@pytest.fixture(scope="session")
def triton_device() -> torch.device:
    """The device on which kernels run here."""
    if triton is None:
        pytest.skip("needs Triton")
    interpreted = os.environ.get("TRITON_INTERPRET") == "1"
    if not interpreted and not torch.cuda.is_available():
        pytest.skip("needs a GPU, or TRITON_INTERPRET=1")
    for file in FILES:
        unwrap(file)
    return torch.device("cpu" if interpreted else "cuda")


def unwrap(file: ModuleType) -> None:
    """Make its kernels anew of the functions as they are written.

    The tests' import hook wraps them, and Triton looks up names where the wrapper was written.
    """
    for name, made in list(vars(file).items()):
        if isinstance(made, triton.runtime.KernelInterface):
            setattr(file, name, kernel(inspect.unwrap(made.fn)))
