"""Blocks of steps against the steps."""

import pytest
import torch

from practicum.kernels.blocked_system import blocked
from practicum.seeding import stream

SYSTEMS, STATE, ROWS = 3, 4, 2


@pytest.mark.parametrize("doublings", [0, 1, 3])
def test_a_block_does_what_its_steps_do(doublings: int):
    draw = stream(0, "system")
    a = 0.4 * torch.randn(SYSTEMS, STATE, STATE, generator=draw, dtype=torch.float64)
    b, c = torch.randn(2, SYSTEMS, STATE, generator=draw, dtype=torch.float64)
    x = torch.randn(ROWS, SYSTEMS, STATE, generator=draw, dtype=torch.float64)
    u = torch.randn(ROWS, 2**doublings, SYSTEMS, generator=draw, dtype=torch.float64)
    after, said = blocked(a, b, c, doublings=doublings).advance(x, u)
    for t, inputs in enumerate(u.unbind(1)):
        x = torch.einsum("hmn,bhn->bhm", a, x) + b * inputs[..., None]
        torch.testing.assert_close(said[:, t], (c * x).sum(-1))
    torch.testing.assert_close(after, x)
