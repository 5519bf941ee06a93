"""A model learns new words without forgetting a bit of the old ones."""

from dataclasses import replace

import pytest
import torch

from practicum.adapters.vocabulary import add_rows, add_token, drop_rows
from practicum.decoding.language_model import LanguageModel
from practicum.errors import ModelError, TokenizerError
from practicum.models.build import build
from practicum.models.decoder import DecoderModel
from practicum.models.families.gpt2 import gpt2
from practicum.models.load import load
from practicum.models.save import save
from practicum.tokenizers.bpe_training import train_bpe

TOKENIZER = train_bpe(["the cat sat on the mat while the dog ran far away"], 270)
IDS = torch.arange(24).reshape(2, 12) * 11


@pytest.fixture(params=[True, False], ids=["tied", "untied"])
def model(request: pytest.FixtureRequest) -> DecoderModel:
    description = gpt2(width=16, depth=2, heads=2, vocab=270, context=32)
    return build(replace(description, tied=request.param), seed=1)


def test_old_scores_stay_bit_for_bit(model: DecoderModel):
    before = model(IDS)
    add_rows(model, 3)
    after = model(IDS)
    assert after.shape == (2, 12, 273)
    assert torch.equal(after[..., :270], before)
    model.prepack()
    packed = model.eval()
    with torch.inference_mode():
        torch.testing.assert_close(packed(IDS), after)


def test_a_new_token_is_no_likelier_than_the_mean_of_the_old(model: DecoderModel):
    add_rows(model, 1)
    scores = model(IDS).detach()
    torch.testing.assert_close(scores[..., 270], scores[..., :270].mean(-1))
    assert float(scores.softmax(-1)[..., 270].max()) <= 1 / 270


def test_adding_and_dropping_restores_every_bit(model: DecoderModel):
    before = {name: value.clone() for name, value in model.state_dict().items()}
    description = model.description
    add_rows(model, 5)
    drop_rows(model, 5)
    assert model.description == description
    assert model.state_dict().keys() == before.keys()
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_a_new_token_is_read_learned_and_saved(model: DecoderModel, tmp_path):
    tokenizer = add_token(model, TOKENIZER, "<|tool|>")
    assert tokenizer.encode("the cat<|tool|>", specials=True)[-1] == 270
    assert tokenizer.encode("the cat<|tool|>") == TOKENIZER.encode("the cat<|tool|>")
    assert (tokenizer.end, tokenizer.size) == (TOKENIZER.end, 271)
    model(torch.tensor([[1, 270, 2]]))[..., 270].sum().backward()
    assert model.embedding.weight.grad is not None
    assert model.embedding.weight.grad[270].abs().sum() > 0
    save(model, tmp_path / "more", tokenizer=tokenizer)
    again = load(str(tmp_path / "more"))
    assert again.tokenizer is not None
    assert again.tokenizer.description() == tokenizer.description()
    assert torch.equal(again.model(IDS), model(IDS))
    LanguageModel(again.model, again.tokenizer)  # which checks that the two fit


def test_a_row_without_an_id_is_the_next_tokens(model: DecoderModel):
    add_rows(model, 2)
    assert add_token(model, TOKENIZER, "<|tool|>").size == 271
    assert model.description.vocab == 272


def test_what_trains_and_how_it_is_placed_stays_so(model: DecoderModel):
    model.embedding.weight.requires_grad_(False)
    add_rows(model.double().train(), 1)
    assert not model.embedding.weight.requires_grad
    assert model.embedding.weight.dtype is torch.float64
    assert model.embedding.training


def test_what_cannot_be_is_refused(model: DecoderModel):
    for text in ("", "<|endoftext|>"):
        with pytest.raises(TokenizerError, match="cannot be added"):
            add_token(model, TOKENIZER, text)
    with pytest.raises(ModelError, match="270 of 270 tokens cannot be dropped"):
        drop_rows(model, 270)
    with pytest.raises(ModelError, match="-1 rows cannot be added"):
        add_rows(model, -1)
