"""The selective scan against its equation token by token: values, gradients, memory, GPUs."""

import pytest
import torch
from torch import Tensor

from practicum.kernels import selective_scan as kernel
from practicum.kernels import selective_scan_triton as on_gpu
from practicum.kernels.selective_scan import (
    selective_scan,
    selective_scan_reference,
    selective_step,
)
from practicum.seeding import stream

ROWS, CHANNELS, NUMBERS = 2, 3, 4
NAMES = ("x", "step", "rates", "write", "read", "state")
# the shapes of Δ, B and C with all axes, with B and C that channels share, and constant in time
SELECTIVE, PER_CHANNEL, CONSTANT = "selective", "per channel", "constant in time"


def inputs(t: int, kind: str = SELECTIVE, dtype: torch.dtype = torch.float64) -> dict[str, Tensor]:
    """Random x, Δ, A, B, C and first state."""
    b, time, c = (1, 1, CHANNELS) if kind == CONSTANT else (ROWS, t, CHANNELS)
    shared = 1 if kind == SELECTIVE else CHANNELS
    shapes = {
        "x": (ROWS, t, CHANNELS),
        "step": (b, time, c),
        "rates": (CHANNELS, NUMBERS),
        "write": (b, time, shared, NUMBERS),
        "read": (b, time, shared, NUMBERS),
        "state": (ROWS, CHANNELS, NUMBERS),
    }
    made = {
        name: torch.randn(shape, generator=stream(t, name), dtype=torch.float64)
        for name, shape in shapes.items()
    }
    made["step"] = torch.nn.functional.softplus(made["step"])
    made["rates"] = -made["rates"].exp()
    return {name: value.to(dtype).requires_grad_() for name, value in made.items()}


def marks(t: int, share: float, name: str) -> Tensor:
    return torch.rand(ROWS, t, generator=stream(0, name)) < share


def everything(outputs: tuple[Tensor, Tensor], given: dict[str, Tensor]) -> list[Tensor]:
    """The outputs and the gradients of a fixed random mixture of them."""
    weights = [torch.randn(o.shape, generator=stream(1, "w"), dtype=o.dtype) for o in outputs]
    total = sum((o * w).sum() for o, w in zip(outputs, weights, strict=True))
    return [*outputs, *torch.autograd.grad(total, [given[name] for name in NAMES])]


def reference(given: dict[str, Tensor], starts: Tensor, real: Tensor) -> list[Tensor]:
    return everything(selective_scan_reference(**given, starts=starts, real=real), given)


def assert_close(mine: list[Tensor], theirs: list[Tensor], within: float) -> None:
    """Within a share of the largest number of each tensor."""
    for name, one, other in zip(("y", "last", *NAMES), mine, theirs, strict=True):
        error = (one - other).abs().max() / other.abs().max().clamp_min(1e-30)
        assert error <= within, f"{name} differs by {error:.1e}"


@pytest.mark.parametrize("kind", [SELECTIVE, PER_CHANNEL, CONSTANT])
@pytest.mark.parametrize("t", [1, 2, 16, 17, 61])
@pytest.mark.parametrize(("dtype", "within"), [(torch.float64, 1e-10), (torch.float32, 1e-5)])
def test_in_chunks_it_is_the_equation(kind, t, dtype, within, monkeypatch):
    monkeypatch.setattr(kernel, "CHUNK_NUMBERS", 1)  # the shortest chunks
    given = inputs(t, kind, dtype)
    real = torch.arange(t) < torch.tensor([[t], [t - t // 3]])
    starts = marks(t, 0.1, "starts") & real
    mine = everything(selective_scan(**given, starts=starts, real=real), given)
    assert_close(mine, reference(given, starts, real), within)


@pytest.mark.parametrize("t", [1023, 4096])
def test_long_texts_are_the_equation_too(t: int):
    given = inputs(t, dtype=torch.float32)
    nowhere, everywhere = torch.zeros(1, t, dtype=torch.bool), torch.ones(ROWS, t, dtype=torch.bool)
    mine = everything(selective_scan(**given), given)
    assert_close(mine, reference(given, nowhere, everywhere), 1e-5)


@pytest.mark.parametrize("largest", [1e-12, 1.0, 1e6])
def test_no_step_is_too_small_or_too_large(largest: float):
    given = inputs(50, dtype=torch.float32)
    given["step"] = (given["step"].detach() * largest).requires_grad_()
    nowhere, everywhere = torch.zeros(1, 50, dtype=torch.bool), torch.ones(ROWS, 50).bool()
    mine = everything(selective_scan(**given), given)
    assert all(part.isfinite().all() for part in mine)
    assert_close(mine, reference(given, nowhere, everywhere), 1e-5)


def test_gradients_are_those_of_the_function():
    given = inputs(5)
    starts, real = marks(5, 0.3, "starts"), torch.arange(5) < torch.tensor([[5], [3]])

    def scan(*parts: Tensor) -> tuple[Tensor, Tensor]:
        return selective_scan(*parts[:5], state=parts[5], starts=starts, real=real)

    assert torch.autograd.gradcheck(scan, [given[name] for name in NAMES])


def test_the_state_of_one_part_continues_in_the_next():
    given = inputs(20)
    whole, last = selective_scan(**given)
    state, parts = given["state"], []
    for cut in (slice(0, 7), slice(7, 8), slice(8, 20)):
        now = {name: given[name][:, cut] for name in ("x", "step", "write", "read")}
        y, state = selective_scan(**now, rates=given["rates"], state=state)
        parts.append(y)
    torch.testing.assert_close(torch.cat(parts, dim=1), whole)
    torch.testing.assert_close(state, last)


def test_token_by_token_it_is_the_same():
    given = inputs(6)
    whole, last = selective_scan(**given)
    state = given["state"]
    for i in range(6):
        now = [given[name][:, i] for name in ("write", "read")]
        x, step = given["x"][:, i], given["step"][:, i]
        state, y = selective_step(x, step, given["rates"], *now, state)
        torch.testing.assert_close(y, whole[:, i])
    torch.testing.assert_close(state, last)


def test_nothing_before_a_start_is_seen():
    given = inputs(9)
    starts = torch.zeros(1, 9, dtype=torch.bool)
    starts[:, 4] = True
    y, last = selective_scan(**given, starts=starts)
    after = {name: given[name][:, 4:] for name in ("x", "step", "write", "read")}
    alone, alone_last = selective_scan(**after, rates=given["rates"])
    torch.testing.assert_close(y[:, 4:], alone)
    torch.testing.assert_close(last, alone_last)


def test_padding_leaves_the_state_and_gets_no_gradient():
    given = inputs(8)
    real = (torch.arange(8) < 5).expand(ROWS, 8)
    _, last = selective_scan(**given, real=real)
    short = {name: given[name][:, :5] for name in ("x", "step", "write", "read")}
    expected = selective_scan(**short, rates=given["rates"], state=given["state"])[1]
    torch.testing.assert_close(last, expected)
    (grad,) = torch.autograd.grad(last.sum(), given["x"])
    assert grad[:, 5:].abs().max() == 0


def test_half_precision_is_summed_in_float32():
    given = {name: value.detach() for name, value in inputs(40, dtype=torch.float32).items()}
    half = {name: value.bfloat16() for name, value in given.items()}
    wide = {name: value.float() for name, value in half.items()}
    y, last = selective_scan(**half)
    assert (y.dtype, last.dtype) == (torch.bfloat16, torch.float32)
    expected, expected_last = selective_scan(**wide)
    torch.testing.assert_close(last, expected_last)
    assert torch.equal(y, expected.bfloat16())


def test_what_is_kept_for_the_backward_pass_is_one_state_a_chunk(monkeypatch):
    monkeypatch.setattr(kernel, "CHUNK_NUMBERS", 1)
    given, kept = inputs(640), []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t) or t, lambda t: t):
        y, _ = selective_scan(**given)
    everything_at_once = 640 * ROWS * CHANNELS * NUMBERS
    assert sum(t.numel() for t in kept if t.shape == (ROWS, NUMBERS, CHANNELS)) == (
        everything_at_once // kernel.CHUNK_TOKENS
    )
    assert max(t.numel() for t in kept) < everything_at_once / 2


def test_a_scalar_state_is_a_gated_recurrence():
    """Theorem 1: N = 1, A = −1, B = 1 and Δ = softplus(z) give h ← (1 − g) h + g x with g = σ(z).

    There the input is discretised by zero-order hold, (Δ A)⁻¹ (exp(Δ A) − 1) Δ B, which with A = −1
    is 1 − exp(−Δ); the scan's own rule is Euler's Δ B, so the ratio of the two is put into x.
    """
    z = torch.randn(2, 30, 3, generator=stream(0, "z"))
    x = torch.randn(2, 30, 3, generator=stream(0, "x"))
    step = torch.nn.functional.softplus(z)
    one = torch.ones(1, 1, 1, 1)
    held = x * -torch.expm1(-step) / step
    y, _ = selective_scan(held, step, -torch.ones(3, 1), one, one)
    gate, h = z.sigmoid(), torch.zeros(2, 3)  # gates all over (0, 1)
    for t in range(30):
        h = (1 - gate[:, t]) * h + gate[:, t] * x[:, t]
        assert (y[:, t] - h).abs().max() <= 1e-6


def test_without_triton_or_a_gpu_the_kernels_say_no():
    given = inputs(3, dtype=torch.float32)
    assert not on_gpu.usable(given["x"], given["write"], given["read"])


@pytest.mark.parametrize("t", [1, 31, 32, 33, 100])
@pytest.mark.parametrize("share", [0.0, 0.2])
def test_in_triton_it_is_the_equation(triton_device: torch.device, t: int, share: float):
    given = {
        name: value.detach().to(triton_device).requires_grad_()
        for name, value in inputs(t, dtype=torch.float32).items()
    }
    starts = marks(t, share, "starts").to(triton_device)
    mine = everything(
        on_gpu.selective_scan_triton(**given, starts=starts if share else None), given
    )
    assert_close(mine, reference(given, starts, torch.ones_like(starts)), 1e-5)


def test_in_triton_channels_and_numbers_need_not_fill_tiles(
    triton_device: torch.device, monkeypatch: pytest.MonkeyPatch
):
    for name, size in (("CHANNELS", on_gpu.CHANNELS + 3), ("NUMBERS", 5)):
        monkeypatch.setitem(globals(), name, size)
    test_in_triton_it_is_the_equation(triton_device, 33, 0.2)


def test_in_triton_half_precision_is_summed_in_float32(triton_device: torch.device):
    given = {name: value.detach() for name, value in inputs(40, dtype=torch.float32).items()}
    half = {name: value.to(triton_device, torch.bfloat16) for name, value in given.items()}
    y, last = on_gpu.selective_scan_triton(**half, starts=None)
    assert (y.dtype, last.dtype) == (torch.bfloat16, torch.float32)
    wide = {name: value.float() for name, value in half.items()}
    expected, expected_last = on_gpu.selective_scan_triton(**wide, starts=None)
    torch.testing.assert_close(last, expected_last)
    # the interpreter cuts the last digits off where a GPU rounds
    torch.testing.assert_close(y, expected.bfloat16(), rtol=2**-7, atol=0)


def test_triton_is_chosen_on_a_gpu_alone(triton_device: torch.device):
    given = {name: part.detach().to(triton_device) for name, part in inputs(3).items()}
    parts = given["x"].float(), given["write"], given["read"]
    assert on_gpu.usable(*parts) == (triton_device.type == "cuda")
