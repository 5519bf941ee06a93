"""Training through torch's compiler: fewer passes over memory, after a minute of compiling.

What depends on no tensor, the tables of rotary turns, enters the compiled code as a constant.
"""

import torch
from torch import nn

from practicum.nn import positions


def compile_parts(model: nn.Module) -> None:
    """Let every part of `model` be compiled when it is first called.

    The parts, and not the whole: objectives call them, and not only `forward`.
    """
    torch.compiler.assume_constant_result(positions.turned_table)
    for part in model.children():
        part.compile()
