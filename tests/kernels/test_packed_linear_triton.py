"""In Triton products with packed matrices are products with what they decode to, x not rounded."""

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor

from practicum.adapters.quantize import Quantized
from practicum.decoding.model import prefill, step
from practicum.kernels import native, packed_linear
from practicum.kernels import packed_linear_triton as kernels
from practicum.kernels.ggml_blocks import FORMATS, decode_blocks
from practicum.kernels.packed_linear import Gated, Normed
from practicum.kernels.packed_linear_triton import (
    decoded_triton,
    few,
    many,
    packed_linear_triton,
    packed_rows_triton,
    some,
    unrounded,
    usable,
)
from practicum.kernels.packed_matrix import GROUP, Packed, plain
from practicum.kernels.quantise import to_nibbles, to_octets
from practicum.models.build import build
from practicum.models.decoder import DecoderModel
from practicum.models.families.llama import llama
from practicum.nn.packed_block import PackedBlockLayer
from practicum.nn.packed_linear import PackedEmbedding, PackedLinearLayer
from practicum.seeding import stream

STORED: dict[int, Callable[[Tensor], Packed]] = {
    32: lambda weight: plain(weight, torch.float32),
    16: lambda weight: plain(weight, torch.bfloat16),
    8: to_octets,
    4: to_nibbles,
}
SHAPES = {"whole tiles": (64, 128), "parts of tiles": (37, 50), "more than a tile": (70, 300)}
FORMS = {"Q8_0": to_octets, "Q4_0": to_nibbles, "Q4_1": to_nibbles}


def normal(name: str, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=stream(0, name))


def packed(bits: int, outputs: int, inputs: int, device: torch.device) -> Packed:
    return STORED[bits](normal("w", outputs, inputs) / inputs**0.5).moved(device)


def product(
    x: Tensor, matrix: Packed, bias: Tensor | None = None, added: Tensor | None = None
) -> Tensor:
    """In float64."""
    y = x.double() @ matrix.decoded().double().T
    y = y if bias is None else y + bias
    return y if added is None else y + added


def near(ours: Tensor, expected: Tensor, dtype: torch.dtype = torch.float32) -> None:
    """Equal up to the rounding of sums in float32, and of what is stored in half precision."""
    assert ours.dtype == dtype
    rounding = {torch.float32: 1e-5, torch.float16: 2e-3, torch.bfloat16: 2e-2}[dtype]
    torch.testing.assert_close(ours.double(), expected, rtol=rounding, atol=rounding)


@pytest.mark.parametrize("bits", STORED)
@pytest.mark.parametrize("rows", [1, 2, 3, 17, 130])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_a_product_is_that_of_the_decoded_matrix(
    triton_device: torch.device, bits: int, rows: int, shape: tuple[int, int]
):
    matrix = packed(bits, *shape, triton_device)
    x = normal("x", rows, shape[1]).to(triton_device)
    bias, added = (normal(*about).to(x) for about in (("b", shape[0]), ("a", rows, shape[0])))
    ours = packed_linear_triton(x, matrix, bias, added)
    near(ours, product(x, matrix, bias, added))
    torch.testing.assert_close(ours, unrounded(x, matrix, bias, added))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("way", [few, some, many])
@pytest.mark.parametrize("bits", STORED)
def test_every_way_gives_the_same_in_every_precision(
    triton_device: torch.device, bits: int, way: Callable[..., Tensor], dtype: torch.dtype
):
    if bits == 32 and way is some:
        pytest.skip("float32 is not multiplied by products of bfloat16")
    matrix = packed(bits, 40, 96, triton_device)
    x, bias, added = (
        normal(name, *shape).to(triton_device, dtype)
        for name, shape in {"x": (5, 96), "b": (40,), "a": (5, 40)}.items()
    )
    near(way(x, matrix, bias, added), product(x, matrix, bias, added), dtype)


def stored(form: str, outputs: int, groups: int) -> Tensor:
    """A matrix decoded from blocks of random bytes, with scales of either sign below 0.05."""
    generator, count = stream(0, form), outputs * groups
    body = torch.randint(0, 256, (count, FORMATS[form].bytes), generator=generator).byte()
    for place in range(0, 4 if form == "Q4_1" else 2, 2):
        scale = (0.1 * torch.rand(count, 1, generator=generator) - 0.05).half()
        body[:, place : place + 2] = scale.view(torch.uint8)
    return decode_blocks(body.flatten(), FORMATS[form]).view(outputs, groups * GROUP)


@pytest.mark.parametrize("rows", [1, 5])
@pytest.mark.parametrize("form", FORMS)
def test_matrices_of_ggml_are_read(triton_device: torch.device, form: str, rows: int):
    matrix = FORMS[form](stored(form, 19, 3)).moved(triton_device)
    x = normal("x", rows, 3 * GROUP).to(triton_device)
    near(packed_linear_triton(x, matrix), product(x, matrix))


@pytest.mark.parametrize("way", [few, some])
@pytest.mark.parametrize("bits", [8, 16])
def test_every_bit_of_float32_meets_the_codes(
    triton_device: torch.device, bits: int, way: Callable[..., Tensor]
):
    matrix = STORED[bits](3.0 * torch.eye(64)[:48]).moved(triton_device)
    x = (1.0 + torch.arange(5 * 64) * 2.0**-23).view(5, 64).to(triton_device)
    ours = way(x, matrix).double()
    torch.testing.assert_close(ours, product(x, matrix), rtol=2.0**-22, atol=0.0)


@pytest.mark.parametrize("way", [few, some])
@pytest.mark.parametrize("bits", [4, 8, 16])
def test_programs_may_share_the_inputs(
    triton_device: torch.device,
    bits: int,
    way: Callable[..., Tensor],
    monkeypatch: pytest.MonkeyPatch,
):
    matrix = packed(bits, 20, 300, triton_device)
    x, bias, added = (
        normal(name, *shape).to(triton_device)
        for name, shape in {"x": (2, 300), "b": (20,), "a": (2, 20)}.items()
    )
    for programs in (1, 5, 1 << 20):
        monkeypatch.setattr(kernels, "PROGRAMS", programs)
        ours = way(x, matrix, bias, added)
        near(ours, product(x, matrix, bias, added))
        assert torch.equal(way(x, matrix, bias, added), ours)


@pytest.mark.parametrize("rows", [1, 4, 200])
def test_rows_may_have_any_number_of_axes_and_any_stride(triton_device: torch.device, rows: int):
    matrix = packed(4, 40, 64, triton_device)
    x = normal("x", 64, rows, 2).to(triton_device).permute(2, 1, 0)
    ours = packed_linear_triton(x, matrix)
    assert ours.shape == (2, rows, 40)
    near(ours, product(x, matrix))
    added = normal("a", 40, rows, 2).to(triton_device).permute(2, 1, 0)
    near(packed_linear_triton(x, matrix, None, added), product(x, matrix, None, added))


def test_no_rows_give_no_rows(triton_device: torch.device):
    matrix = packed(4, 40, 64, triton_device)
    empty = torch.empty(0, 64, device=triton_device)
    assert packed_linear_triton(empty, matrix).shape == (0, 40)
    index = torch.empty(2, 0, dtype=torch.long, device=triton_device)
    assert packed_rows_triton(matrix, index, torch.float32).shape == (2, 0, 64)


@pytest.mark.parametrize("extreme", [0.0, 1e-30, 1e30])
@pytest.mark.parametrize("way", [few, some])
def test_inputs_of_any_size_are_read(
    triton_device: torch.device, way: Callable[..., Tensor], extreme: float
):
    matrix = packed(4, 40, 64, triton_device)
    x = torch.full((1, 64), extreme, device=triton_device)
    expected = product(x, matrix).float()
    torch.testing.assert_close(way(x, matrix), expected, rtol=1e-4, atol=1e-5 * extreme)


@pytest.mark.parametrize("bits", STORED)
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_rows_are_those_of_the_decoded_matrix(
    triton_device: torch.device, bits: int, shape: tuple[int, int]
):
    matrix = packed(bits, *shape, triton_device)
    decoded = matrix.decoded()
    assert torch.equal(decoded_triton(matrix, torch.float32), decoded)
    index = torch.tensor([[3, 0], [shape[0] - 1, 3]], device=triton_device)
    assert torch.equal(packed_rows_triton(matrix, index, torch.float32), decoded[index])
    half = packed_rows_triton(matrix, index.T.int(), torch.float16)
    assert torch.equal(half, decoded.half()[index.T])


def test_what_is_no_row_is_no_number(triton_device: torch.device):
    matrix = packed(8, 20, 64, triton_device)
    index = torch.tensor([-1, 19, 20, 1 << 40], device=triton_device)
    rows = packed_rows_triton(matrix, index, torch.float32)
    assert rows.isnan().all(-1).tolist() == [True, False, True, True]


@pytest.fixture
def on_triton(
    triton_device: torch.device, monkeypatch: pytest.MonkeyPatch
) -> Iterator[torch.device]:
    """Packed matrices are read by Triton's kernels, on whatever device those run."""
    monkeypatch.setattr(packed_linear, "usable", lambda given, matrix, dtype: True)
    with native.using(native.OFF):
        yield triton_device


@pytest.mark.parametrize("rows", [1, 4])
def test_what_stands_before_is_done_first(on_triton: torch.device, rows: int):
    matrix = packed(8, 40, 64, on_triton)
    wide, added = normal("x", rows, 128).to(on_triton), normal("a", rows, 40).to(on_triton)
    norm = Normed(weight=normal("n", 64).to(on_triton), eps=1e-5, plus=1.0)
    for x, before in ((wide[:, :64], norm), (wide, Gated())):
        ours = packed_linear.packed_linear(x, matrix, before=before, added=added)
        near(ours, product(before(x), matrix, None, added))


@pytest.mark.parametrize("bits", [4, 16])
def test_a_decoder_moved_there_says_what_its_decoded_matrices_say(
    on_triton: torch.device, bits: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(kernels, "PROGRAMS", 1)  # the interpreter runs them one by one
    shape = llama(width=32, depth=1, heads=4, kv_heads=2, hidden=48, vocab=50, context=32)
    packed, plain = build(shape, seed=1), build(shape, seed=1)
    Quantized(bits=bits).attach(packed)
    with torch.no_grad():
        for name, module in packed.named_modules():
            if isinstance(module, PackedLinearLayer | PackedEmbedding):
                plain.get_parameter(f"{name}.weight").copy_(module.matrix.decoded())
    assert all(isinstance(block, PackedBlockLayer) for block in packed.stack.blocks)
    torch.testing.assert_close(
        spoken(packed.to(on_triton)), spoken(plain.to(on_triton)), rtol=1e-4, atol=1e-5
    )


def spoken(model: DecoderModel) -> Tensor:
    """Scores after a prompt of unequal rows, and after each of two more tokens."""
    logits, state = prefill(model, [[3, 1, 4, 1, 5], [9, 2]], 12)
    tokens = (torch.tensor([token, token + 1], device=logits.device) for token in (6, 5))
    return torch.stack([logits, *(step(model, ids, state) for ids in tokens)])


def test_without_a_gpu_the_kernels_say_no():
    matrix = STORED[4](normal("w", 16, 32))
    assert not usable(torch.zeros(1, 32), matrix, torch.float32)
