"""Mamba against `transformers`: logits, gradients, steps from the cache, files both ways."""

from pathlib import Path
from typing import Any

import pytest
import torch

from practicum.errors import ModelError
from practicum.models.build import build
from practicum.models.families.mamba import mamba
from practicum.models.families.mamba_weights import MAMBA
from practicum.models.hugging_face import read_folder, write_folder
from practicum.nn.selective import Selective
from practicum.seeding import forked, stream

transformers = pytest.importorskip("transformers", reason="parity is with `transformers`")

VOCAB = 83
PLAIN: dict[str, Any] = {"vocab_size": VOCAB, "hidden_size": 32, "num_hidden_layers": 2}
THEIRS: dict[str, dict[str, Any]] = {
    "plain": PLAIN,
    "odd sizes": {
        **PLAIN,
        "hidden_size": 21,
        "state_size": 5,
        "conv_kernel": 3,
        "time_step_rank": 7,
        "expand": 3,
        "layer_norm_epsilon": 1e-3,
    },
    "untied": {**PLAIN, "tie_word_embeddings": False},
}


def their_model(name: str) -> Any:
    with forked(3, name):
        model = transformers.MambaForCausalLM(transformers.MambaConfig(**THEIRS[name])).eval()
        for parameter in model.parameters():  # biases and gains start as zeros and ones
            parameter.data += 0.1 * torch.randn(parameter.shape)
    return model


def some_ids(length: int = 37) -> torch.Tensor:
    return torch.randint(VOCAB, (2, length), generator=stream(0, "ids"))


@torch.no_grad()
def assert_same_logits(ours: Any, theirs: Any) -> None:
    ids = some_ids()
    torch.testing.assert_close(ours(ids), theirs(ids).logits, atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", THEIRS)
def test_their_models_give_their_logits_here_and_ours_give_ours_there(name: str, tmp_path: Path):
    theirs = their_model(name)
    theirs.save_pretrained(tmp_path / "theirs")
    ours = read_folder(tmp_path / "theirs")
    assert_same_logits(ours, theirs)
    write_folder(ours, tmp_path / "ours")
    assert_same_logits(ours, transformers.MambaForCausalLM.from_pretrained(tmp_path / "ours"))


@pytest.mark.parametrize("name", THEIRS)
def test_the_loss_has_the_same_gradients(name: str, tmp_path: Path):
    theirs = their_model(name)
    theirs.save_pretrained(tmp_path)
    ours, ids = read_folder(tmp_path), some_ids()
    for model, logits in ((ours, ours(ids)), (theirs, theirs(ids).logits)):
        flat = logits[:, :-1].flatten(0, 1)
        model.zero_grad()
        torch.nn.functional.cross_entropy(flat, ids[:, 1:].flatten()).backward()
    given = dict(theirs.named_parameters())
    for row in MAMBA.weights(ours.description):
        (part,) = row.parts
        expected = part.view.read(given[part.name].grad)
        torch.testing.assert_close(
            ours.get_parameter(row.ours).grad, expected, atol=1e-5, rtol=1e-4, msg=row.ours
        )


@torch.no_grad()
def test_64_steps_from_the_cache_are_theirs(tmp_path: Path):
    theirs = their_model("odd sizes")
    theirs.save_pretrained(tmp_path)
    ours, ids = read_folder(tmp_path), some_ids()
    state = ours.new_state(2, 128)
    ours(ids, state)
    out = theirs(ids, use_cache=True)
    for _ in range(64):
        token = out.logits[:, -1].argmax(-1, keepdim=True)
        out = theirs(token, cache=out.cache, use_cache=True)
        torch.testing.assert_close(ours(token, state), out.logits, atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    "description",
    [
        mamba(width=24, depth=2, vocab=VOCAB, context=77),
        mamba(width=24, depth=1, vocab=VOCAB, mixer=Selective(state=3, convolution=2, rank=5)),
        mamba(width=24, depth=1, vocab=VOCAB, tied=False, eps=1e-6),
    ],
)
def test_ours_to_theirs_to_ours_changes_no_bit(description, tmp_path: Path):
    model = build(description, seed=1)
    write_folder(model, tmp_path / "a")
    theirs = transformers.MambaForCausalLM.from_pretrained(tmp_path / "a")
    theirs.save_pretrained(tmp_path / "b")
    for folder in ("a", "b"):
        again = read_folder(tmp_path / folder)
        assert again.description == description
        for name, parameter in model.named_parameters():
            assert torch.equal(parameter, again.get_parameter(name)), name


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"use_bias": True}, "sets use_bias, which is not built"),
        ({"use_conv_bias": False}, "has use_conv_bias off"),
        ({"hidden_act": "relu"}, "hidden_act is 'relu'"),
        ({"intermediate_size": 80}, "intermediate_size is 80; expected .* 64"),
        ({"time_step_rank": "most"}, "time_step_rank is 'most'"),
    ],
)
def test_what_would_change_the_mathematics_is_refused_by_name(entry, message):
    with pytest.raises(ModelError, match=message):
        MAMBA.from_config({**PLAIN, **entry})


@pytest.mark.parametrize(
    ("mixer", "message"),
    [
        (Selective(selective=False), "selective"),
        (Selective(gated=False), "gated"),
        (Selective(expand=1.5), "expand"),
    ],
)
def test_what_their_format_cannot_say_is_not_written(mixer, message, tmp_path: Path):
    model = build(mamba(width=16, depth=1, vocab=VOCAB, mixer=mixer))
    with pytest.raises(ModelError, match=f"no known architecture is this network.*{message}"):
        write_folder(model, tmp_path)
