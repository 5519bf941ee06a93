"""A decoder with packed matrices says nearly what it said, and can be given its own ones back."""

import copy
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from practicum.adapters.quantize import Quantized, packed_bytes
from practicum.data.fetch import locate
from practicum.decoding.model import prefill, step
from practicum.errors import ConfigError, ModelError, UnknownName
from practicum.evaluation.divergence import divergence
from practicum.kernels import native
from practicum.models.build import build
from practicum.models.decoder import Decoder, DecoderModel
from practicum.models.families.gemma import gemma3
from practicum.models.families.gpt2 import gpt2
from practicum.models.families.llama import llama
from practicum.models.load import load
from practicum.models.save import save
from practicum.nn.experts import Experts
from practicum.nn.packed_block import PackedBlockLayer
from practicum.nn.packed_linear import PackedEmbedding, PackedLinearLayer

LLAMA = llama(width=48, depth=2, heads=4, kv_heads=2, hidden=80, vocab=90, context=32)
FAMILIES: dict[str, Decoder] = {
    "llama": LLAMA,
    "tied llama": replace(LLAMA, tied=True),
    "gpt2": gpt2(width=48, depth=2, heads=4, vocab=90, context=32),
    "gemma3": gemma3(
        width=48, depth=2, heads=4, kv_heads=2, head_width=16, hidden=64, vocab=90, context=32
    ),
}
IDS = torch.arange(24).reshape(2, 12) * 7 % 90


@pytest.fixture(params=FAMILIES)
def model(request: pytest.FixtureRequest) -> DecoderModel:
    made = build(FAMILIES[request.param], seed=3)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter += 0.02 * torch.randn(
                parameter.shape, generator=torch.Generator().manual_seed(len(parameter))
            )
    return made


def scores(model: DecoderModel) -> torch.Tensor:
    """After a prompt of unequal rows, and after each of three more tokens."""
    logits, state = prefill(model, [[3, 1, 4, 1, 5], [9, 2]], 12)
    found = [logits]
    found += [step(model, torch.tensor([token, token + 1]), state) for token in (6, 5, 3)]
    return torch.stack(found)


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize(("bits", "apart"), [(32, 1e-6), (16, 0.01), (8, 0.05), (4, 0.4)])
def test_it_says_nearly_what_it_said(model: DecoderModel, bits: int, apart: float, compiled: bool):
    before = scores(model)
    with native.using(native.built("native") if compiled else native.OFF):
        Quantized(bits=bits).attach(model)
        after = scores(model)
    assert (after - before).norm() <= apart * before.norm()


@pytest.mark.parametrize("bits", [32, 16, 8, 4])
def test_detached_it_is_what_it_was_bit_for_bit(model: DecoderModel, bits: int):
    before, state = scores(model), copy.deepcopy(model.state_dict())
    kinds = [type(module) for module in model.modules()]
    packing = Quantized(bits=bits).attach(model)
    assert [type(module) for module in model.modules()] != kinds
    packing.detach()
    assert [type(module) for module in model.modules()] == kinds
    assert all(torch.equal(state[name], tensor) for name, tensor in model.state_dict().items())
    assert torch.equal(scores(model), before)


def test_every_matrix_is_reported(model: DecoderModel):
    packing = Quantized(bits=8, output_bits=16).attach(model)
    errors = {error.name: error for error in packing.errors()}
    assert {"embedding", "stack.blocks.0.mixer.qkv", "stack.blocks.1.ffn.down"} <= set(errors)
    assert len(errors) == 2 * 4 + 1 + (model.head is not None)
    for name, error in errors.items():
        assert error.bits == (16 if name in ("embedding", "head") else 8)
        assert 0.0 < error.relative < 0.01
        assert 0.0 < error.largest < 0.1
        assert error.after < 0.6 * error.before
    parameters = sum(parameter.nbytes for parameter in model.parameters())
    assert packed_bytes(model) == parameters + sum(error.after for error in errors.values())


def test_blocks_of_the_usual_kind_are_read_in_few_calls():
    model = build(LLAMA, seed=0)
    Quantized(bits=8).attach(model)
    assert all(isinstance(block, PackedBlockLayer) for block in model.stack.blocks)
    assert isinstance(model.embedding, PackedEmbedding)
    assert isinstance(model.head, PackedLinearLayer)
    model.prepack()  # is packed already, and changes nothing


def test_what_is_to_be_kept_is_kept():
    model = build(LLAMA, seed=0)
    before = model.embedding, model.head, model.stack.blocks[0]
    Quantized(bits=4, keep=("output", "stack.blocks.0")).attach(model)
    assert (model.embedding, model.head, model.stack.blocks[0]) == before
    assert type(model) is DecoderModel
    assert isinstance(model.stack.blocks[1], PackedBlockLayer)
    assert not any(isinstance(part, PackedLinearLayer) for part in before[2].modules())
    model.prepack()


def test_experts_and_routers_stay():
    experts = replace(
        LLAMA,
        stack=replace(
            LLAMA.stack,
            block=replace(LLAMA.stack.pattern[0], ffn=Experts(count=3, top=1, hidden=16)),
        ),
    )
    model = build(experts, seed=0)
    packing = Quantized(bits=8, keep=("output",)).attach(model)
    names = [error.name.rpartition(".")[2] for error in packing.errors()]
    assert names == ["qkv", "out"] * 2
    scores(model)


def test_a_copy_and_the_original_lead_their_own_lives():
    model = build(LLAMA, seed=0)
    other = copy.deepcopy(model)
    packing = Quantized(bits=4).attach(other)
    third = copy.deepcopy(other)
    packing.detach()
    assert torch.equal(scores(other), scores(model))
    assert not torch.equal(scores(third), scores(model))


def test_a_head_can_be_trained_through(model: DecoderModel):
    Quantized(bits=8).attach(model)
    model(IDS).sum().backward()
    norms = [parameter for name, parameter in model.named_parameters() if "norm" in name]
    assert norms
    assert all(norm.grad is not None and norm.grad.isfinite().all() for norm in norms)


def test_what_cannot_be_is_refused():
    with pytest.raises(ConfigError, match="weights of 5 bits; expected one of 4, 8, 16, 32"):
        Quantized(bits=5)
    model = build(LLAMA, seed=0)
    with pytest.raises(UnknownName, match="no part of this model to keep 'stack.blocks.7'"):
        Quantized(keep=("stack.blocks.7",)).attach(model)
    Quantized(keep=("stack",)).attach(model)
    with pytest.raises(ModelError, match="PackedDecoderModel cannot be packed"):
        Quantized().attach(model)
    with pytest.raises(ModelError, match="on the meta device has no weights to pack"):
        Quantized().attach(build(LLAMA, device="meta"))


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("bits", [16, 4])
def test_half_precision_stays_what_the_model_computes_in(
    model: DecoderModel, bits: int, compiled: bool
):
    model.to(torch.bfloat16)
    before = scores(model)
    with native.using(native.built("native") if compiled else native.OFF):
        Quantized(bits=bits).attach(model)
        after = scores(model)
    assert after.dtype == torch.bfloat16
    assert (after - before).float().norm() <= (0.03 if bits == 16 else 0.4) * before.float().norm()


def test_a_packed_model_changes_its_precision_as_others_do():
    model = build(LLAMA, seed=0)
    Quantized(bits=8).attach(model)
    before = scores(model)
    after = scores(model.to(torch.bfloat16)).float()
    assert (after - before).norm() <= 0.05 * before.norm()


@pytest.mark.parametrize("keep", [(), ("output",)])
def test_a_packed_model_is_not_saved_and_said_so_in_one_line(
    model: DecoderModel, keep: tuple[str, ...], tmp_path: Path
):
    packing = Quantized(bits=4, keep=keep).attach(model)
    line = "matrices are packed in 4 bits and cannot be saved; detach the packing first"
    with pytest.raises(ModelError, match=line):
        save(model, tmp_path / "model")
    with pytest.raises(ModelError, match=line):
        model.state_dict()
    assert not (tmp_path / "model").exists()
    packing.detach()
    save(model, tmp_path / "model")
    assert model.state_dict()


@pytest.mark.slow("reads and packs a real model of 135 million weights")
def test_smollm2_keeps_the_numbers_of_its_file():
    if locate("smollm2") is None:
        pytest.skip("the asset is not here: `practicum data add smollm2`")
    pretrained = load("smollm2")
    model, tokenizer = pretrained.model, pretrained.tokenizer
    before = copy.deepcopy(model)
    packing = Quantized(bits=4, output_bits=8).attach(model)
    errors = list(packing.errors())
    assert len(errors) == 121
    assert {error.largest for error in errors} == {0.0}
    assert packed_bytes(model) < 97e6 < 538e6 < sum(error.before for error in errors) + 1e6
    assert tokenizer is not None
    ids = tokenizer.encode("The capital of France is Paris, and that of Germany is Berlin. " * 3)
    found = divergence(before, model, [ids])
    assert found.kl < 0.02
    assert found.same > 0.9
