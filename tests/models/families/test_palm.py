"""PaLM: its network is one of Cohere's, and its embedding starts as the paper's."""

import pytest
import torch

from practicum.models.build import build
from practicum.models.families.palm import palm
from practicum.seeding import forked, stream

VOCAB, WIDTH = 53, 48


@torch.no_grad()
def test_it_computes_what_coheres_network_does():
    transformers = pytest.importorskip("transformers", reason="parity is with `transformers`")
    config = transformers.CohereConfig(
        vocab_size=VOCAB,
        hidden_size=WIDTH,
        intermediate_size=77,
        logit_scale=WIDTH**-0.5,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=1,
        use_qk_norm=False,
        rope_parameters={"rope_type": "default", "rope_theta": 10_000.0},
        pad_token_id=None,
        bos_token_id=None,
        eos_token_id=None,
        tie_word_embeddings=True,
    )
    with forked(3, "cohere"):
        theirs = transformers.CohereForCausalLM(config).eval()
        for parameter in theirs.parameters():
            parameter += 0.3 * torch.randn(parameter.shape)
    ours = build(palm(width=WIDTH, depth=3, heads=4, head_width=12, hidden=77, vocab=VOCAB))
    ours.embedding.weight.copy_(theirs.model.embed_tokens.weight / WIDTH**0.5)
    for block, layer in zip(ours.stack.blocks, theirs.model.layers, strict=True):
        attention, ffn = layer.self_attn, layer.mlp
        qk = torch.cat([attention.q_proj.weight, attention.k_proj.weight])
        # theirs turns neighbours (2i, 2i + 1), ours (i, i + k/2)
        halves = qk.view(5, 6, 2, WIDTH).transpose(1, 2).reshape(60, WIDTH)
        block.mixer.qkv.weight.copy_(torch.cat([halves, attention.v_proj.weight]))
        block.mixer.out.weight.copy_(attention.o_proj.weight)
        block.ffn.up.weight.copy_(torch.cat([ffn.gate_proj.weight, ffn.up_proj.weight]))
        block.ffn.down.weight.copy_(ffn.down_proj.weight)
        block.mixer_norm.weight.copy_(layer.input_layernorm.weight)
    ours.stack.final_norm.weight.copy_(theirs.model.norm.weight)
    ids = torch.randint(VOCAB, (2, 29), generator=stream(0, "ids"))
    torch.testing.assert_close(ours(ids), theirs(ids).logits, atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_it_starts_as_the_paper_says():
    model = build(palm(width=64, depth=2, heads=8, head_width=32, vocab=500))
    seen, block = model.embedding(torch.arange(500)) * 64**0.5, model.stack.blocks[1]
    for matrix, std in (
        (seen, 1.0),
        (block.mixer.qkv.weight, 64**-0.5),
        (block.mixer.out.weight, 256**-0.5),
        (block.ffn.up.weight, 64**-0.5),
        (block.ffn.down.weight, 256**-0.5),
    ):
        assert float(matrix.std()) == pytest.approx(std, rel=0.05)
    hidden = torch.randn(100, 64, generator=stream(0, "hidden"))
    torch.testing.assert_close(model.logits(hidden), hidden @ seen.T / 64**0.5)
