"""Other people's Transformers with our weights say the same: torch's, and transformers' Marian."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from transformers import MarianConfig, MarianMTModel

from practicum.decoding.beam import Beam
from practicum.decoding.translate import translate
from practicum.models.build import build
from practicum.models.encoder_decoder import EncoderDecoder, EncoderDecoderModel
from practicum.models.families.transformer import annotated, transformer
from practicum.nn.norms import DeviationNorm, LayerNorm
from practicum.nn.stack import Block, Stack
from practicum.seeding import stream

WIDTH, VOCAB = 32, 40


@pytest.fixture
def source() -> Tensor:
    return torch.randint(VOCAB, (3, 9), generator=stream(0, "source"))


@pytest.fixture
def target() -> Tensor:
    return torch.randint(VOCAB, (3, 7), generator=stream(0, "target"))


@pytest.fixture
def real() -> Tensor:
    return torch.arange(9) < torch.tensor([9, 4, 6])[:, None]


def with_norm(description: EncoderDecoder, norm: LayerNorm | DeviationNorm) -> EncoderDecoder:
    def changed(stack: Stack) -> Stack:
        assert isinstance(stack.block, Block)
        return replace(stack, block=replace(stack.block, norm=norm))

    return replace(
        description, encoder=changed(description.encoder), decoder=changed(description.decoder)
    )


ANNOTATED = annotated(
    width=WIDTH,
    depth=2,
    heads=4,
    hidden=64,
    source_vocab=VOCAB,
    target_vocab=VOCAB,
    context=20,
    dropout=0.0,
)
PUBLISHED = transformer(width=WIDTH, depth=2, heads=4, vocab=VOCAB, context=20, dropout=0.0)


@torch.no_grad()
def shaken(description: EncoderDecoder) -> EncoderDecoderModel:
    """Gains and biases away from 1 and 0 too, so that a forgotten one shows."""
    model = build(description, seed=1)
    noise = stream(0, "shaken")
    for parameter in model.parameters():
        parameter += 0.1 * torch.randn(parameter.shape, generator=noise)
    return model


def norms_first(model: EncoderDecoderModel) -> nn.Transformer:
    """torch's Transformer with norms before each part and the model's weights."""
    theirs = nn.Transformer(WIDTH, 4, 2, 2, 64, 0.0, norm_first=True, batch_first=True).eval()
    weights = {
        "encoder.norm": model.encoder.final_norm,
        "decoder.norm": model.decoder.final_norm,
    }
    for side, stack in (("encoder", model.encoder), ("decoder", model.decoder)):
        for number, block in enumerate(stack.blocks):
            layer = f"{side}.layers.{number}"
            norms = {"mixer_norm": "norm1", "ffn_norm": "norm2"}
            if side == "decoder":
                norms = {"mixer_norm": "norm1", "cross_norm": "norm2", "ffn_norm": "norm3"}
            for ours, name in {"ffn.up": "linear1", "ffn.down": "linear2", **norms}.items():
                weights[f"{layer}.{name}"] = block.get_submodule(ours)
            attentions = {"mixer": "self_attn"} | (
                {"cross": "multihead_attn"} if side == "decoder" else {}
            )
            for ours, name in attentions.items():
                copied(block.get_submodule(ours), theirs.get_submodule(f"{layer}.{name}"))
    for name, ours in weights.items():
        theirs.get_submodule(name).load_state_dict(ours.state_dict())
    return theirs


@torch.no_grad()
def copied(ours: nn.Module, theirs: nn.Module) -> None:
    theirs.in_proj_weight.copy_(ours.qkv.weight)
    theirs.in_proj_bias.copy_(ours.qkv.bias)
    theirs.out_proj.load_state_dict(ours.out.state_dict())


@torch.no_grad()
def scores_of_torch(
    model: EncoderDecoderModel, source: Tensor, target: Tensor, real: Tensor
) -> Tensor:
    x, y = (
        embedding(ids) * WIDTH**0.5 + positions(torch.arange(ids.shape[1])[None])
        for ids, embedding, positions in (
            (source, model.source_embedding, model.source_positions),
            (target, model.target_embedding, model.target_positions),
        )
    )
    hidden = norms_first(model)(
        x,
        y,
        tgt_mask=nn.Transformer.generate_square_subsequent_mask(y.shape[1]),
        src_key_padding_mask=~real,
        memory_key_padding_mask=~real,
        tgt_is_causal=True,
    )
    return model.head(hidden)


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")  # theirs, of any norm_first encoder
def test_with_layer_norm_the_annotated_one_is_torchs_with_norms_first(source, target, real):
    model = shaken(with_norm(ANNOTATED, LayerNorm(eps=1e-5)))
    theirs = scores_of_torch(model, source, target, real)
    torch.testing.assert_close(model(source, target, real), theirs, rtol=0, atol=1e-5)


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
def test_the_articles_own_norm_is_another_function_by_about_a_percent(source, target, real):
    """Its deviation is over n − 1: at a width of 32 every norm is shorter by √(31/32), 1.6 %."""
    model = shaken(ANNOTATED)
    theirs = scores_of_torch(model, source, target, real)
    ours = model(source, target, real).detach()
    off = float((ours - theirs).norm() / theirs.norm())
    assert 0.003 < off < 0.03


def test_at_the_articles_width_its_norm_is_shorter_by_a_thousandth():
    x = torch.randn(100, 512, generator=stream(0, "x"))
    deviation, layer = (norm.build(512) for norm in (DeviationNorm(eps=1e-6), LayerNorm(eps=1e-5)))
    for built in (deviation, layer):
        nn.init.ones_(built.weight)
        nn.init.zeros_(built.bias)
    shorter = (511 / 512) ** 0.5
    torch.testing.assert_close(deviation(x), shorter * layer(x), rtol=0, atol=1e-4)


# Marian keeps all sines before all cosines, of the paper's timescales: its number j is ours number
# INTERLEAVED[j], in every vector of the width.
INTERLEAVED = torch.cat([torch.arange(0, WIDTH, 2), torch.arange(1, WIDTH, 2)])


def marian(model: EncoderDecoderModel) -> MarianMTModel:
    """Marian with the model's weights, the numbers of the stream in its order."""
    config = MarianConfig(
        vocab_size=VOCAB,
        d_model=WIDTH,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        encoder_ffn_dim=4 * WIDTH,
        decoder_ffn_dim=4 * WIDTH,
        activation_function="relu",
        dropout=0.0,
        scale_embedding=True,
        share_encoder_decoder_embeddings=True,
        tie_word_embeddings=True,
        max_position_embeddings=20,
        pad_token_id=0,
        eos_token_id=0,
        decoder_start_token_id=0,
    )
    theirs = MarianMTModel(config).eval()
    table = {"model.shared": {"weight": model.source_embedding.weight[:, INTERLEAVED]}}
    for side, stack in (("encoder", model.encoder), ("decoder", model.decoder)):
        for number, block in enumerate(stack.blocks):
            layer = f"model.{side}.layers.{number}"
            table |= attention(block.mixer, f"{layer}.self_attn")
            norms = {"mixer_norm": "self_attn_layer_norm", "ffn_norm": "final_layer_norm"}
            if side == "decoder":
                table |= attention(block.cross, f"{layer}.encoder_attn")
                norms["cross_norm"] = "encoder_attn_layer_norm"
            for ours, name in norms.items():
                state = block.get_submodule(ours).state_dict()
                table[f"{layer}.{name}"] = {k: v[INTERLEAVED] for k, v in state.items()}
            up, down = block.ffn.up, block.ffn.down
            table[f"{layer}.fc1"] = {"weight": up.weight[:, INTERLEAVED], "bias": up.bias}
            table[f"{layer}.fc2"] = {
                "weight": down.weight[INTERLEAVED],
                "bias": down.bias[INTERLEAVED],
            }
    for name, state in table.items():
        theirs.get_submodule(name).load_state_dict(state)
    return theirs


def attention(ours: nn.Module, name: str) -> dict[str, dict[str, Tensor]]:
    """Marian has biases, the paper's code has none."""
    parts = zip("qkv", ours.qkv.weight.chunk(3), strict=True)
    table = {
        f"{name}.{part}_proj": {"weight": weight[:, INTERLEAVED], "bias": torch.zeros(WIDTH)}
        for part, weight in parts
    }
    out = {"weight": ours.out.weight[INTERLEAVED], "bias": torch.zeros(WIDTH)}
    return {**table, f"{name}.out_proj": out}


@pytest.fixture
def published() -> EncoderDecoderModel:
    return shaken(with_norm(PUBLISHED, LayerNorm(eps=1e-5)))


def test_the_published_one_is_marian_with_its_numbers_in_another_order(
    published, source, target, real
):
    with torch.no_grad():
        theirs = marian(published)(
            input_ids=source, attention_mask=real.long(), decoder_input_ids=target
        )
        ours = published(source, target, real)
    torch.testing.assert_close(ours, theirs.logits, rtol=0, atol=1e-4)


@pytest.mark.parametrize("width", [1, 2, 4])
def test_beams_find_what_transformers_generate_finds(published, source, width):
    """Without a length penalty: theirs divides by a power of the length, ours by the paper's lp."""
    longest, begin, end, over = 8, 1, 9, 0
    theirs = marian(published)
    theirs.generation_config.update(
        decoder_start_token_id=begin, eos_token_id=end, pad_token_id=0, forced_eos_token_id=None
    )
    theirs.generation_config.bad_words_ids = None
    for row in source:
        expected = theirs.generate(
            row[None],
            attention_mask=torch.ones_like(row)[None],
            num_beams=width,
            num_return_sequences=width,
            early_stopping=width > 1,
            length_penalty=0.0 if width > 1 else None,
            max_new_tokens=longest,
            do_sample=False,
        )
        found = translate(
            published,
            [row.tolist()],
            begin=begin,
            end=end,
            beam=Beam(width=width, alpha=0.0),
            extra=longest - len(row),
        )[0]
        trimmed = [tuple(ids[1:].tolist()) for ids in expected]
        cut = [ids[: ids.index(end) + 1] if end in ids else ids for ids in trimmed]
        assert {one.ids for one in found} == set(cut)
        assert found[0].ids == cut[0]
        over += sum(one.finished for one in found)
    assert over or width == 1, "some answers are over before they are too long"
