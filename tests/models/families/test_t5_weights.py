"""T5s of `transformers`, read and written, say and learn what they do there."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from practicum.decoding.beam import Beam
from practicum.decoding.translate import said, translate
from practicum.errors import CheckpointError, ModelError
from practicum.models.build import build
from practicum.models.encoder_decoder import EncoderDecoderModel
from practicum.models.families.t5 import t5, t5_1_1
from practicum.models.families.transformer import transformer
from practicum.models.hugging_face import family_of, read_folder, write_folder
from practicum.nn.relative import Buckets, bucket
from practicum.seeding import forked, stream

transformers = pytest.importorskip("transformers", reason="parity is with `transformers`")

VOCAB, END = 61, 1
PLAIN: dict[str, Any] = {
    "vocab_size": VOCAB,
    "d_model": 36,
    "d_kv": 10,
    "d_ff": 52,
    "num_layers": 2,
    "num_heads": 3,
    "relative_attention_num_buckets": 12,
    "relative_attention_max_distance": 20,
    "initializer_factor": 1.0,
    "decoder_start_token_id": 0,
}
GATED = {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False}
THEIRS: dict[str, tuple[str, dict[str, Any]]] = {
    "t5": ("T5", PLAIN),
    "t5.1.1": ("T5", PLAIN | GATED),
    "byt5, three layers read and one writes": (
        "T5",
        PLAIN | GATED | {"num_layers": 3, "num_decoder_layers": 1},
    ),
    "ul2": ("T5", PLAIN | GATED | {"feed_forward_proj": "gated-silu"}),
    "another eps, one head, all buckets": (
        "T5",
        {**PLAIN, "num_heads": 1, "layer_norm_epsilon": 1e-3, "relative_attention_num_buckets": 32}
        | {"relative_attention_max_distance": 128},
    ),
    "mt5": ("MT5", PLAIN | {"feed_forward_proj": "gated-gelu"}),
    "mt5, one matrix for all": ("MT5", PLAIN | {"feed_forward_proj": "gated-gelu"}),
}
SOURCE = torch.randint(2, VOCAB, (3, 33), generator=stream(0, "source"))
TARGET = torch.randint(2, VOCAB, (3, 14), generator=stream(0, "target"))
REAL = torch.arange(33) < torch.tensor([33, 9, 20])[:, None]


def their_model(name: str) -> Any:
    family, fields = THEIRS[name]
    with forked(3, name):
        config = getattr(transformers, f"{family}Config")(**fields)
        model = getattr(transformers, f"{family}ForConditionalGeneration")(config).eval()
        if fields.get("tie_word_embeddings") is False or name == "mt5":
            untie(model)
        for parameter in model.parameters():
            parameter.data += 0.1 * torch.randn(parameter.shape)
    return model


def untie(model: Any) -> None:
    """As it is with released weights, of which that library would else tie what it builds anew."""
    model.lm_head.weight = nn.Parameter(torch.randn(model.lm_head.weight.shape) * 0.2)
    model.all_tied_weights_keys.pop("lm_head.weight")


def asked(theirs: Any) -> Any:
    return theirs(
        input_ids=SOURCE, attention_mask=REAL.long(), decoder_input_ids=TARGET, use_cache=False
    )


@torch.no_grad()
def assert_same(ours: EncoderDecoderModel, theirs: Any) -> None:
    wanted = asked(theirs)
    close = {"atol": 1e-4, "rtol": 1e-5}
    memory = ours.read(SOURCE, REAL)
    torch.testing.assert_close(memory[REAL], wanted.encoder_last_hidden_state[REAL], **close)
    torch.testing.assert_close(ours(SOURCE, TARGET, REAL), wanted.logits, **close)


@pytest.mark.parametrize("name", THEIRS)
def test_what_is_read_and_scored_agrees_through_files_both_ways(name: str, tmp_path: Path):
    theirs = their_model(name)
    theirs.save_pretrained(tmp_path / "theirs")
    ours = read_folder(tmp_path / "theirs")
    assert isinstance(ours, EncoderDecoderModel)
    assert_same(ours, theirs)
    write_folder(ours, tmp_path / "ours")
    again = transformers.AutoModelForSeq2SeqLM.from_pretrained(tmp_path / "ours")
    assert_same(ours, again)
    assert again.config.decoder_start_token_id == again.config.pad_token_id == 0
    assert read_folder(tmp_path / "ours").description == ours.description


@pytest.mark.parametrize("name", ["t5", "t5.1.1"])
def test_losses_and_gradients_agree(name: str, tmp_path: Path):
    theirs = their_model(name)
    theirs.save_pretrained(tmp_path)
    ours = read_folder(tmp_path)
    assert isinstance(ours, EncoderDecoderModel)
    labels = TARGET.masked_fill(torch.arange(14) >= torch.tensor([14, 3, 8])[:, None], -100)
    shifted = F.pad(labels[:, :-1].clamp(min=0), (1, 0))
    mine = F.cross_entropy(ours(SOURCE, shifted, REAL).flatten(0, 1), labels.flatten())
    other = theirs(input_ids=SOURCE, attention_mask=REAL.long(), labels=labels).loss
    torch.testing.assert_close(mine, other, atol=1e-4, rtol=1e-5)
    mine.backward()
    other.backward()
    for one, two in pairs(ours, theirs):
        assert one.grad is not None
        torch.testing.assert_close(one.grad, torch.cat([p.grad for p in two]), atol=1e-4, rtol=1e-4)


def pairs(ours: EncoderDecoderModel, theirs: Any) -> list[tuple[Tensor, list[Tensor]]]:
    """Parameters of ours, and the ones of theirs of which each is made."""
    family = family_of(ours.description)
    assert family is not None
    mine, others = dict(ours.named_parameters()), dict(theirs.named_parameters())
    rows = list(family.weights(ours.description))
    assert len(rows) == len(mine)
    return [(mine[row.ours], [others[part.name] for part in row.parts]) for row in rows]


@pytest.mark.parametrize("both_ways", [True, False])
def test_every_distance_falls_into_the_bucket_it_has_there(both_ways: bool):
    from transformers.models.t5.modeling_t5 import T5Attention

    after = torch.arange(-2000, 2001)  # of a key from its query: the other way round than ours
    for count, far in ((32, 128), (12, 20), (64, 1000)):
        theirs = T5Attention._relative_position_bucket(after, both_ways, count, far)
        ours = bucket(-after, Buckets(count=count, far=far, both_ways=both_ways))
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize(
    ("name", "width"), [("t5", 1), ("t5.1.1", 1), ("byt5, three layers read and one writes", 3)]
)
def test_answers_to_sources_of_unequal_length_agree_by_token(name: str, width: int, tmp_path: Path):
    theirs = their_model(name)
    theirs.save_pretrained(tmp_path)
    ours = read_folder(tmp_path)
    assert isinstance(ours, EncoderDecoderModel)
    sources, beam = [SOURCE[0, :n].tolist() for n in (12, 3, 7)], Beam(width=width, alpha=0.0)
    end = translate(ours, sources, begin=0, end=END, extra=1)[0][0].ids[5]  # that one does end
    found = translate(ours, sources, begin=0, end=end, beam=beam, extra=1)
    for ids, best in zip(sources, found, strict=True):
        wanted = theirs.generate(
            input_ids=torch.tensor([ids]),
            num_beams=width,
            length_penalty=0.0,
            early_stopping=False if width == 1 else "never",
            do_sample=False,
            max_new_tokens=len(ids) + 1,
            eos_token_id=end,
        )[0].tolist()
        assert list(said(best[0])) == [token for token in wanted[1:] if token != end]
    assert found[0][0].finished


def test_ours_to_theirs_to_ours_changes_no_bit(tmp_path: Path):
    for number, description in enumerate(
        (
            t5(width=20, depth=2, heads=3, hidden=24, vocab=VOCAB, dropout=0.0),
            t5_1_1(width=20, depth=3, decoder_depth=1, heads=3, hidden=24, vocab=VOCAB),
            t5(width=20, depth=1, heads=3, hidden=24, vocab=VOCAB, activation="gelu", gated=True),
        )
    ):
        model = build(description, seed=1)
        first, second = tmp_path / f"{number}a", tmp_path / f"{number}b"
        write_folder(model, first, max_shard_bytes=5000)
        transformers.T5ForConditionalGeneration.from_pretrained(first).save_pretrained(second)
        again = read_folder(second)
        assert again.description == model.description
        for (name, one), (_, two) in zip(
            model.named_parameters(), again.named_parameters(), strict=True
        ):
            assert torch.equal(one, two), name


def test_copies_of_the_embedding_in_older_files_are_passed_over(tmp_path: Path):
    from safetensors.torch import load_file, save_file

    their_model("t5").save_pretrained(tmp_path)
    file = tmp_path / "model.safetensors"
    tensors = load_file(file)
    for name in ("encoder.embed_tokens", "decoder.embed_tokens", "lm_head"):
        tensors[f"{name}.weight"] = tensors["shared.weight"].clone()
    unused = "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"
    tensors[unused] = torch.zeros(12, 3)
    save_file(tensors, file)
    assert_same(read_folder(tmp_path), their_model("t5"))


def edited(folder: Path, **changes: Any) -> Path:
    write_folder(build(t5_1_1(width=20, depth=1, heads=3, hidden=24, vocab=VOCAB)), folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | changes))
    return folder


def test_configurations_of_the_first_releases_are_read(tmp_path: Path):
    """They spell nothing out, and have entries for which no network has a use."""
    folder = edited(tmp_path, n_positions=512, output_past=True, task_specific_params={"a": {}})
    config = json.loads((folder / "config.json").read_text())
    for entry in ("dense_act_fn", "is_gated_act", "scale_decoder_outputs", "num_decoder_layers"):
        del config[entry]
    (folder / "config.json").write_text(json.dumps(config | {"feed_forward_proj": "gated-gelu"}))
    model = read_folder(folder)
    assert model.description == t5_1_1(width=20, depth=1, heads=3, hidden=24, vocab=VOCAB)


UNSUPPORTED = {
    "a body alone": ({"architectures": ["T5Model"]}, "T5Model, which is not built.*T5ForCond"),
    "a feed-forward of another kind": ({"feed_forward_proj": "sparse-relu"}, "sparse-relu"),
    "an activation": ({"dense_act_fn": "mish"}, "'mish'.*silu"),
    "what nobody knows": ({"is_moe": True}, "is_moe"),
}


@pytest.mark.parametrize("what", UNSUPPORTED)
def test_what_is_not_built_is_named(what: str, tmp_path: Path):
    changes, words = UNSUPPORTED[what]
    with pytest.raises(ModelError, match=words):
        read_folder(edited(tmp_path, **changes))


def test_weights_of_another_depth_are_refused(tmp_path: Path):
    with pytest.raises(CheckpointError, match=r"lacks 'decoder\.block\.1"):
        read_folder(edited(tmp_path, num_decoder_layers=2))


def test_an_encoder_decoder_of_another_kind_is_not_written_as_one():
    assert family_of(transformer(width=16, depth=1, heads=2, vocab=VOCAB)) is None
