"""Layers over packed matrices are asked what the layers they stand for are asked."""

import copy

import pytest
import torch
from torch import nn

from practicum.errors import ModelError
from practicum.kernels.packed_matrix import plain
from practicum.kernels.quantise import to_nibbles, to_octets
from practicum.nn.linear import LinearLayer
from practicum.nn.packed_linear import PackedEmbedding, PackedLinearLayer, refuse_packed
from practicum.seeding import stream

PARTS = {"q": 32, "k": 16, "v": 8}


@pytest.fixture
def layer() -> LinearLayer:
    made = LinearLayer(64, PARTS, bias=True)
    nn.init.normal_(made.weight, std=0.2, generator=stream(0, "w"))
    nn.init.normal_(made.bias, generator=stream(0, "b"))
    return made


@pytest.fixture
def packed(layer: LinearLayer) -> PackedLinearLayer:
    return PackedLinearLayer(to_octets(layer.weight), layer.parts, layer.bias)


@pytest.fixture
def x() -> torch.Tensor:
    return torch.randn(2, 3, 64, generator=stream(0, "x"))


def test_it_answers_as_a_linear_layer(
    layer: LinearLayer, packed: PackedLinearLayer, x: torch.Tensor
):
    with torch.no_grad():
        torch.testing.assert_close(packed(x), layer(x), rtol=0.03, atol=0.05)
        some = packed.only(x, "k", "v")
        torch.testing.assert_close(some, layer.only(x, "k", "v"), rtol=0.03, atol=0.05)
        assert torch.equal(some, packed(x)[..., 32:])
    assert packed.rows("k") == layer.rows("k") == slice(32, 48)
    packed.prepack()
    assert "64 → q=32, k=16, v=8, bias=True, 8 bits" in repr(packed)


def test_float32_is_kept_whole(layer: LinearLayer, x: torch.Tensor):
    packed = PackedLinearLayer(plain(layer.weight, torch.float32), PARTS, layer.bias)
    with torch.no_grad():
        torch.testing.assert_close(packed(x), layer(x))


def test_its_weight_says_shape_and_place_and_no_number(packed: PackedLinearLayer):
    weight = packed.weight
    assert (weight.shape, weight.dtype, weight.device.type) == ((56, 64), torch.float32, "cpu")
    assert weight.isnan().all()
    assert [name for name, _ in packed.named_parameters()] == ["bias"]


def test_a_gradient_passes_through_the_decoded_matrix(packed: PackedLinearLayer, x: torch.Tensor):
    x.requires_grad_()
    packed(x).sum().backward()
    expected = packed.matrix.decoded().sum(0).expand_as(x)
    assert x.grad is not None
    torch.testing.assert_close(x.grad, expected)


def test_half_precision_goes_in_and_comes_out(packed: PackedLinearLayer, x: torch.Tensor):
    with torch.no_grad():
        half = packed(x.bfloat16())
        assert half.dtype == torch.bfloat16
        torch.testing.assert_close(half.float(), packed(x), rtol=0.03, atol=0.1)


def test_it_moves_and_is_copied_without_changing_how_it_is_stored(packed: PackedLinearLayer):
    other = copy.deepcopy(packed).to(torch.bfloat16)
    assert torch.equal(other.matrix.decoded(), packed.matrix.decoded())
    assert other.to("meta").matrix.device.type == "meta"
    assert packed.matrix.device.type == "cpu"


def test_precision_moves_with_the_network_and_bits_stay(packed: PackedLinearLayer):
    embedding = PackedEmbedding(to_nibbles(torch.randn(20, 64, generator=stream(0, "e"))))
    both = nn.ModuleList([packed, embedding]).to(torch.bfloat16)
    for part in (packed, embedding):
        assert part.weight.dtype == part.dtype == torch.bfloat16
        assert part.matrix.scales.dtype == torch.float16
    assert embedding(torch.tensor([3])).dtype == torch.bfloat16
    assert both.to("meta")[0].weight.dtype == torch.bfloat16


def test_weights_that_would_be_missing_are_not_given_out(packed: PackedLinearLayer):
    with pytest.raises(ModelError, match="packed in 8 bits and cannot be saved"):
        nn.Sequential(packed).state_dict()
    refuse_packed(nn.Linear(2, 2))


def test_an_embedding_gives_the_rows_of_the_matrix():
    weight = torch.randn(50, 64, generator=stream(0, "e"))
    embedding = PackedEmbedding(to_nibbles(weight))
    ids = torch.tensor([[3, 49], [0, 3]])
    assert torch.equal(embedding(ids), embedding.matrix.decoded()[ids])
    torch.testing.assert_close(embedding(ids), weight[ids], rtol=0.0, atol=0.25)
    assert embedding.weight.shape == weight.shape
    assert embedding.to("meta").matrix.device.type == "meta"
