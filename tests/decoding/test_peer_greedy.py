"""Greedy decoding against transformers, through files: token for token, alone and in a batch."""

import pytest
import torch

from practicum.decoding.language_model import LanguageModel
from practicum.decoding.sampling import Sampling
from practicum.models.hugging_face import write_folder

PROMPTS = ["It was the age of wisdom,", "so they say", "Naïve cafés 日本語", "x"]


@pytest.fixture
def peer(model, tmp_path):
    from transformers import AutoModelForCausalLM

    write_folder(model, tmp_path)
    return AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float64).eval()


@pytest.mark.parametrize("penalty", [1.0, 1.3])
def test_greedy_tokens_are_those_of_transformers(model, peer, tokenizer, penalty):
    sampling = Sampling(temperature=0.0, repetition_penalty=penalty, max_tokens=40)
    lm = LanguageModel(model, tokenizer, ends=())
    for completion in lm.generate(PROMPTS, sampling):
        ids = lm.encode_prompt(PROMPTS[completion.index])
        theirs = peer.generate(
            torch.tensor([ids]),
            attention_mask=torch.ones(1, len(ids), dtype=torch.long),
            do_sample=False,
            repetition_penalty=penalty,
            max_new_tokens=40,
            eos_token_id=None,
            pad_token_id=0,
            suppress_tokens=list(range(tokenizer.size, model.description.vocab)) or None,
        )
        assert list(completion.ids) == theirs[0, len(ids) :].tolist()
