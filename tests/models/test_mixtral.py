"""Mixtrals of `transformers`, read and written, say and learn what they do there."""

from pathlib import Path
from typing import Any

import pytest
import torch

from practicum.models.hugging_face import read_folder, write_folder
from practicum.nn.routers import heard
from practicum.seeding import forked, stream

transformers = pytest.importorskip("transformers", reason="parity is with `transformers`")

PLAIN: dict[str, Any] = {
    "vocab_size": 61,
    "hidden_size": 40,
    "intermediate_size": 28,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "num_local_experts": 5,
    "max_position_embeddings": 64,
    "initializer_range": 0.2,
    "bos_token_id": None,
    "eos_token_id": None,
}
KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "wide heads": {"head_dim": 14, "num_key_value_heads": 1},
    "three of seven": {"num_local_experts": 7, "num_experts_per_tok": 3},
    "a window": {"sliding_window": 5},
    "tied": {"tie_word_embeddings": True},
}
IDS = torch.randint(61, (2, 19), generator=stream(0, "ids"))


def their_model(**changes: Any) -> Any:
    with forked(3, "mixtral"):
        model = transformers.MixtralForCausalLM(transformers.MixtralConfig(**PLAIN | changes))
        for parameter in model.parameters():
            parameter.data += 0.1 * torch.randn(parameter.shape)
    return model.eval()


@pytest.mark.parametrize("stacked", [False, True], ids=["by expert", "stacked"])
@pytest.mark.parametrize("kind", KINDS)
def test_logits_and_routing_agree_through_files_both_ways(kind: str, stacked: bool, tmp_path: Path):
    theirs = their_model(**KINDS[kind])
    theirs.save_pretrained(tmp_path / "theirs", save_original_format=not stacked)
    ours = read_folder(tmp_path / "theirs")
    with torch.no_grad():
        wanted = theirs(IDS, output_router_logits=True)
        with heard(ours) as scores:
            logits = ours(IDS)
        torch.testing.assert_close(logits, wanted.logits, atol=1e-4, rtol=1e-5)
        for mine, other in zip(scores, wanted.router_logits, strict=True):
            one, two = mine.softmax(-1), other.softmax(-1)
            torch.testing.assert_close(one, two, atol=1e-6, rtol=1e-5)
        write_folder(ours, tmp_path / "ours")
        again = type(theirs).from_pretrained(tmp_path / "ours")
        torch.testing.assert_close(again(IDS).logits, wanted.logits, atol=1e-4, rtol=1e-5)


def test_gradients_agree(tmp_path: Path):
    theirs = their_model()
    theirs.save_pretrained(tmp_path)
    ours = read_folder(tmp_path)
    for model, logits in ((ours, ours(IDS)), (theirs, theirs(IDS).logits)):
        model.zero_grad()
        logits.log_softmax(-1)[..., 7].mean().backward()
    for block, layer in zip(ours.stack.blocks, theirs.model.layers, strict=True):
        pairs = (
            (block.ffn.router.weight, layer.mlp.gate.weight),
            (block.ffn.up.weight, layer.mlp.experts.gate_up_proj),
            (block.ffn.down.weight, layer.mlp.experts.down_proj),
        )
        for mine, other in pairs:
            torch.testing.assert_close(mine.grad, other.grad, atol=1e-4, rtol=1e-4)
