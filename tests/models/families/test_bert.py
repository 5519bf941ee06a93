"""BERTs of `transformers`, read and written, make the same states, scores and gradients."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from practicum.errors import CheckpointError, ModelError
from practicum.models.build import build, parameters_of
from practicum.models.encoder_folder import read_encoder, write_encoder
from practicum.models.families.bert import SIZES, bert
from practicum.models.text_encoder import FirstState, HiddenWords, TextEncoder, TextEncoderModel
from practicum.nn.attention import Attention
from practicum.nn.mlp import MLP
from practicum.nn.norms import LayerNorm
from practicum.nn.stack import Block, Stack
from practicum.seeding import forked, stream

transformers = pytest.importorskip("transformers", reason="parity is with `transformers`")
from safetensors.torch import load_file, save_file  # noqa: E402

VOCAB, CONTEXT = 53, 21
FIELDS: dict[str, Any] = {
    "vocab_size": VOCAB,
    "hidden_size": 36,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 50,
    "max_position_embeddings": CONTEXT,
    "type_vocab_size": 3,
}
THEIRS: dict[str, tuple[str, dict[str, Any]]] = {
    "body": ("BertModel", FIELDS),
    "another eps and activation": (
        "BertModel",
        FIELDS | {"layer_norm_eps": 1e-3, "hidden_act": "gelu_new", "type_vocab_size": 1},
    ),
    "hidden words": ("BertForMaskedLM", FIELDS),
    "hidden words, relu": ("BertForMaskedLM", FIELDS | {"hidden_act": "relu"}),
    "as first trained": ("BertForPreTraining", FIELDS),
}
IDS = torch.randint(VOCAB, (3, 17), generator=stream(0, "ids"))
KINDS = torch.randint(3, (3, 17), generator=stream(0, "kinds"))
REAL = torch.arange(17) < torch.tensor([17, 5, 11])[:, None]
CLOSE = {"atol": 1e-4, "rtol": 1e-5}


def their_model(name: str) -> Any:
    kind, fields = THEIRS[name]
    with forked(5, name):
        model = getattr(transformers, kind)(transformers.BertConfig(**fields)).eval()
        for parameter in model.parameters():
            parameter.data += 0.1 * torch.randn(parameter.shape)
    return model


def asked(theirs: Any) -> dict[str, torch.Tensor]:
    kinds = KINDS.clamp(max=theirs.config.type_vocab_size - 1)
    with torch.no_grad():
        return theirs(
            IDS, attention_mask=REAL.long(), token_type_ids=kinds, output_hidden_states=True
        )


@torch.no_grad()
def assert_same(ours: TextEncoderModel, theirs: Any) -> None:
    wanted = asked(theirs)
    kinds = KINDS.clamp(max=ours.description.kinds - 1)
    hidden = ours.hidden(IDS, REAL, kinds)
    torch.testing.assert_close(hidden[REAL], wanted.hidden_states[-1][REAL], **CLOSE)
    if isinstance(ours.description.head, FirstState):
        torch.testing.assert_close(ours.pooled(hidden), wanted.pooler_output, **CLOSE)
    else:
        logits = wanted.get("logits", wanted.get("prediction_logits"))
        torch.testing.assert_close(ours.words(hidden)[REAL], logits[REAL], **CLOSE)


@pytest.mark.parametrize("name", SIZES)
def test_a_size_has_its_number_of_parameters(name: str):
    description, count = SIZES[name]
    assert parameters_of(description) == count


@pytest.mark.parametrize("name", THEIRS)
def test_what_they_wrote_is_read_as_the_same_network(name: str, tmp_path: Path):
    theirs = their_model(name)
    theirs.save_pretrained(tmp_path)
    assert_same(read_encoder(tmp_path), theirs)


@pytest.mark.parametrize("name", THEIRS)
def test_what_is_written_they_read_as_the_same_network(name: str, tmp_path: Path):
    their_model(name).save_pretrained(tmp_path / "theirs")
    ours = read_encoder(tmp_path / "theirs")
    write_encoder(ours, tmp_path / "ours")
    kind = "BertForMaskedLM" if isinstance(ours.description.head, HiddenWords) else "BertModel"
    assert_same(ours, getattr(transformers, kind).from_pretrained(tmp_path / "ours"))
    again = read_encoder(tmp_path / "ours")
    assert again.description == ours.description
    assert_same(again, their_model(name))


def test_gradients_are_theirs(tmp_path: Path):
    theirs = their_model("hidden words")
    theirs.save_pretrained(tmp_path)
    ours = read_encoder(tmp_path)
    targets = IDS.masked_fill(~REAL, -100)
    loss = theirs(IDS, attention_mask=REAL.long(), token_type_ids=KINDS, labels=targets).loss
    loss.backward()
    scores = ours.words(ours.hidden(IDS, REAL, KINDS))
    torch.nn.functional.cross_entropy(scores.flatten(0, 1), targets.flatten()).backward()
    for one, other in (
        (ours.embedding.weight, theirs.bert.embeddings.word_embeddings.weight),
        (ours.kind_embedding.weight, theirs.bert.embeddings.token_type_embeddings.weight),
        (ours.positions.weight, theirs.bert.embeddings.position_embeddings.weight),
    ):
        # a padding token's own row has no gradient there
        torch.testing.assert_close(one.grad[1:], other.grad[1:], **CLOSE)


def test_padding_and_the_texts_beside_it_change_nothing(tmp_path: Path):
    model = build(bert(width=24, depth=2, heads=3, vocab=VOCAB, context=CONTEXT), seed=2)
    alone = model.hidden(IDS[1:2, :5])
    torch.testing.assert_close(model.hidden(IDS, REAL)[1, :5], alone[0], atol=1e-5, rtol=1e-5)


def test_the_oldest_names_are_read(tmp_path: Path):
    theirs = their_model("hidden words")
    theirs.save_pretrained(tmp_path)
    place = tmp_path / "model.safetensors"
    old = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
            "LayerNorm.bias", "LayerNorm.beta"
        ): tensor
        for name, tensor in load_file(place).items()
    }
    old["bert.embeddings.position_ids"] = torch.arange(CONTEXT)[None]
    save_file(old, place, {"format": "pt"})
    assert_same(read_encoder(tmp_path), theirs)


def test_a_body_without_its_head_is_read_and_says_that_it_has_none(tmp_path: Path):
    theirs = transformers.BertModel(transformers.BertConfig(**FIELDS), add_pooling_layer=False)
    theirs.save_pretrained(tmp_path)
    ours = read_encoder(tmp_path)
    assert ours.description.head is None
    hidden = ours.hidden(IDS)
    for ask in (ours.pooled, ours.words):
        with pytest.raises(ModelError, match="has no head"):
            ask(hidden)


REFUSED = {
    "another architecture": ({"architectures": ["RobertaModel"]}, "RobertaModel, which is no enc"),
    "no architecture": ({"architectures": None, "model_type": "x"}, "holds a x, which"),
    "a decoder": ({"is_decoder": True}, "sets is_decoder"),
    "relative positions": ({"position_embedding_type": "relative_key"}, "'relative_key'; only"),
    "what nobody knows": ({"swirl": 3}, "swirl = 3"),
    "an activation": ({"hidden_act": "mish"}, "activation 'mish'"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_built_is_refused_by_name(name: str, tmp_path: Path):
    change, words = REFUSED[name]
    their_model("body").save_pretrained(tmp_path)
    place = tmp_path / "config.json"
    place.write_text(json.dumps(json.loads(place.read_text()) | change))
    with pytest.raises(ModelError, match=words):
        read_encoder(tmp_path)


def test_weights_of_another_shape_are_refused(tmp_path: Path):
    their_model("body").save_pretrained(tmp_path)
    place = tmp_path / "config.json"
    place.write_text(json.dumps(json.loads(place.read_text()) | {"num_hidden_layers": 2}))
    with pytest.raises(CheckpointError, match="no place for"):
        read_encoder(tmp_path)


def other(**changes: Any) -> TextEncoder:
    fields = vars(bert(width=24, depth=2, heads=3, vocab=VOCAB, context=CONTEXT)) | changes
    return TextEncoder(**fields)


def test_a_network_that_no_bert_is_is_not_written(tmp_path: Path):
    block = Block(
        mixer=Attention(heads=3), ffn=MLP(hidden=96, bias=True), norm=LayerNorm(), norms="before"
    )
    odd = build(other(stack=Stack(width=24, depth=2, block=block)))
    with pytest.raises(ModelError, match="its stack"):
        write_encoder(odd, tmp_path)
    with pytest.raises(ModelError, match="its norm"):
        write_encoder(build(other(norm=LayerNorm(eps=0.5))), tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_text_beyond_the_context_is_refused():
    model = build(other())
    with pytest.raises(ModelError, match="22 tokens does not fit this model's context of 21"):
        model.hidden(torch.zeros(1, 22, dtype=torch.long))
