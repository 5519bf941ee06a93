"""The encoder-decoder equals torch's, and steps as it reads."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from practicum.errors import ConfigError, ModelError
from practicum.models.build import build, parameters_of
from practicum.models.encoder_decoder import EncoderDecoder, EncoderDecoderModel
from practicum.models.families.t5 import t5, t5_1_1
from practicum.models.families.transformer import SIZES, annotated, transformer
from practicum.nn.positions import LearnedPositions
from practicum.seeding import stream

SHAPE = {"width": 32, "depth": 2, "heads": 4, "vocab": 40, "context": 20, "dropout": 0.0}


@pytest.fixture
def source() -> Tensor:
    return torch.randint(40, (3, 9), generator=stream(0, "source"))


@pytest.fixture
def target() -> Tensor:
    return torch.randint(40, (3, 7), generator=stream(0, "target"))


@pytest.fixture
def real() -> Tensor:
    return torch.arange(9) < torch.tensor([9, 4, 6])[:, None]


def test_it_equals_torchs_transformer_with_the_same_weights(source, target, real):
    model = build(transformer(**SHAPE), seed=1)
    theirs = nn.Transformer(
        32, 4, 2, 2, 128, dropout=0.0, layer_norm_eps=1e-6, batch_first=True, bias=True
    ).eval()
    theirs.encoder.norm = theirs.decoder.norm = None
    for ours, layer in zip(model.encoder.blocks, theirs.encoder.layers, strict=True):
        copied(ours.mixer, layer.self_attn)
        copied_rest(ours, layer, {"mixer_norm": "norm1", "ffn_norm": "norm2"})
    for ours, layer in zip(model.decoder.blocks, theirs.decoder.layers, strict=True):
        copied(ours.mixer, layer.self_attn)
        copied(ours.cross, layer.multihead_attn)
        norms = {"mixer_norm": "norm1", "cross_norm": "norm2", "ffn_norm": "norm3"}
        copied_rest(ours, layer, norms)
    x, y = (embedded(model, ids) for ids in (source, target))
    hidden = theirs(
        x,
        y,
        tgt_mask=nn.Transformer.generate_square_subsequent_mask(7),
        src_key_padding_mask=~real,
        memory_key_padding_mask=~real,
        tgt_is_causal=True,
    )
    expected = hidden @ model.target_embedding.weight.T
    torch.testing.assert_close(model(source, target, real), expected, rtol=0, atol=1e-5)


def embedded(model: EncoderDecoderModel, ids: Tensor) -> Tensor:
    positions = model.source_positions(torch.arange(ids.shape[1])[None])
    return model.source_embedding(ids) * 32**0.5 + positions


@torch.no_grad()
def copied(ours: nn.Module, theirs: nn.MultiheadAttention) -> None:
    theirs.in_proj_weight.copy_(ours.qkv.weight)
    theirs.out_proj.weight.copy_(ours.out.weight)
    theirs.in_proj_bias.zero_()
    theirs.out_proj.bias.zero_()


@torch.no_grad()
def copied_rest(ours: nn.Module, theirs: nn.Module, norms: dict[str, str]) -> None:
    for a, b in {"ffn.up": "linear1", "ffn.down": "linear2", **norms}.items():
        for name, parameter in theirs.get_submodule(b).named_parameters():
            parameter.copy_(ours.get_submodule(a).get_parameter(name))


DESCRIPTIONS = {
    "post-norm": transformer(**SHAPE),
    "learned": transformer(**SHAPE, positions=LearnedPositions(), source_vocab=41),
    "annotated": annotated(
        width=32, depth=2, heads=4, source_vocab=40, target_vocab=40, context=20, hidden=64
    ),
    "t5": t5(width=24, depth=2, heads=3, head_width=10, hidden=50, vocab=40),
    "byt5": t5_1_1(width=24, depth=3, decoder_depth=1, heads=3, hidden=50, vocab=40),
}


@pytest.fixture(params=DESCRIPTIONS.values(), ids=DESCRIPTIONS.keys())
def description(request: pytest.FixtureRequest) -> EncoderDecoder:
    return request.param


def test_stepping_equals_reading_at_once(description, source, target, real):
    model = build(description, seed=1)
    state = model.start(source, real, 7)
    steps = torch.stack([model.step(state, target[:, t]) for t in range(7)], dim=1)
    torch.testing.assert_close(steps, model(source, target, real))


def test_padding_of_the_source_does_not_matter(description, source, target, real):
    model = build(description, seed=1)
    alone = model(source[1:2, :4], target[1:2])
    torch.testing.assert_close(model(source, target, real)[1:2], alone)


def test_selecting_rows_takes_their_sources_along(description, source, target, real):
    model = build(description, seed=1)
    state = model.start(source, real, 7)
    model.step(state, target[:, 0])
    state.select([2, 0, 2])
    rows = [2, 0, 2]
    expected = model(source, target, real)[rows, 1]
    torch.testing.assert_close(model.step(state, target[rows, 1]), expected)


def test_the_future_does_not_reach_the_past(description, source, target, real):
    model = build(description, seed=1)
    changed = target.clone()
    changed[:, 4:] = (changed[:, 4:] + 1) % 40
    before, after = model(source, target, real), model(source, changed, real)
    torch.testing.assert_close(before[:, :4], after[:, :4])
    assert not torch.allclose(before[:, 4:], after[:, 4:])


@pytest.mark.parametrize("name", SIZES)
def test_published_sizes_are_counted_exactly(name):
    description, count = SIZES[name]
    assert parameters_of(description) == count


@pytest.mark.parametrize(
    ("changes", "printed"),
    [
        ({}, 65),
        ({"depth": 2}, 36),
        ({"depth": 4}, 50),
        ({"depth": 8}, 80),
        ({"width": 256}, 28),
        ({"width": 1024}, 168),
        ({"head_width": 16}, 58),
        ({"head_width": 32}, 60),
        ({"hidden": 1024}, 53),
        ({"hidden": 4096}, 90),
    ],
)
def test_table_3_is_counted_within_its_rounding(changes, printed):
    base = {"width": 512, "depth": 6, "heads": 8, "hidden": 2048, "vocab": 41_000}
    shape = base | changes
    assert abs(parameters_of(transformer(**shape)) / 1e6 - printed) <= 0.6


def test_the_articles_copy_models_are_counted_exactly():
    words = {"source_vocab": 11, "target_vocab": 11, "depth": 2}
    assert parameters_of(annotated(**words)) == 14_731_787
    assert parameters_of(annotated(**words, width=128, hidden=512)) == 930_443


def test_a_source_longer_than_the_context_is_refused(source, target):
    model = build(transformer(**SHAPE), seed=1)
    with pytest.raises(ModelError, match="27 tokens does not fit this model's context of 20"):
        model(source.repeat(1, 3), target)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"source_vocab": 41}, "cannot share one matrix"),
        ({"bias": True}, "a matrix of their own"),
        ({"decoder": transformer(**SHAPE).encoder}, "looks at the source"),
        ({"encoder": transformer(**SHAPE).decoder}, "only the decoder has one"),
    ],
)
def test_descriptions_that_make_no_sense_are_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        replace(transformer(**SHAPE), **changes)


def test_embeddings_can_be_one_while_the_scores_have_a_matrix_of_their_own(source, target):
    one = replace(transformer(**SHAPE), shared="embeddings")
    model = build(one, seed=1)
    assert model.target_embedding is model.source_embedding
    assert model.head is not None
    count = sum(p.numel() for p in model.parameters())
    assert count == parameters_of(transformer(**SHAPE)) + 40 * 32
    assert model(source, target).shape == (*target.shape, 40)


def test_what_is_scored_can_be_scaled(source, target):
    plain = transformer(**SHAPE)
    scores = build(replace(plain, output_scale=0.25), seed=1)(source, target)
    torch.testing.assert_close(scores, build(plain, seed=1)(source, target) / 4)
    with pytest.raises(ConfigError, match="what is scored"):
        replace(plain, output_scale=0.0)


def test_output_dropout_is_for_training_alone(source, target):
    dropping = build(replace(transformer(**SHAPE), dropout=0.0, output_dropout=0.5), seed=1)
    torch.testing.assert_close(
        dropping.eval()(source, target), build(transformer(**SHAPE), seed=1).eval()(source, target)
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        assert (dropping.train().read(source) == 0.0).float().mean() > 0.3
