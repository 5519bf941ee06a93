"""A size's sheet: parameters by part, bytes, operations; counted by hand where it can be."""

from dataclasses import replace

import pytest
import torch

from practicum.models.counts import parameters_by_part, training_flops_per_token
from practicum.models.families import gpt2, llama, mamba, mixtral, perceptron, transformer
from practicum.models.size_sheet import size_sheet


@pytest.mark.parametrize(
    ("description", "length"),
    [
        (gpt2.SIZES["small"][0], 1024),
        (llama.SIZES["smollm2-135M"][0], 700),
        (mixtral.SIZES["8x7B"][0], 4096),
    ],
    ids=["gpt2", "llama", "mixtral"],
)
def test_a_language_models_sheet_agrees_with_its_counts(description, length):
    sheet = size_sheet(description, context=length)
    assert sheet.training_flops == pytest.approx(training_flops_per_token(description, length))
    assert sheet.parameters == sum(parameters_by_part(description).values())
    assert sum(sheet.parts.values()) == sheet.parameters


def test_decoding_sees_the_whole_text_or_the_window():
    small = llama.llama(width=8, depth=3, heads=2, kv_heads=1, hidden=16, vocab=10)
    matrices = 3 * (8 * 8 * 2 + 8 * 4 * 2 + 3 * 8 * 16) + 10 * 8
    assert size_sheet(small, context=50).decoding_flops == 2 * matrices + 3 * 4 * 8 * 50
    block = small.stack.blocks[0]
    windowed = replace(block, mixer=replace(block.attention, window=20))
    near = replace(small, stack=replace(small.stack, block=windowed))
    assert size_sheet(near, context=50).decoding_flops == 2 * matrices + 3 * 4 * 8 * 20


def test_bytes_follow_the_precision():
    small = llama.llama(width=8, depth=3, heads=2, kv_heads=1, hidden=16, vocab=10)
    wide, narrow = (
        size_sheet(small, context=64),
        size_sheet(small, context=64, dtype=torch.bfloat16),
    )
    assert wide.cache_bytes == 64 * 3 * 2 * 4 * 4
    assert (narrow.cache_bytes, narrow.weights_bytes) == (
        wide.cache_bytes / 2,
        wide.weights_bytes / 2,
    )


def test_a_recurrence_keeps_the_same_however_long_the_text():
    small = mamba.mamba(width=8, depth=2, vocab=10)
    short, long = (size_sheet(small, context=length) for length in (10, 1000))
    assert short.cache_bytes == long.cache_bytes
    assert short.decoding_flops == long.decoding_flops == long.training_flops / 3
    matrices = sum(short.parts[part] for part in ("mixer", "embedding"))
    assert short.decoding_flops == 2 * matrices + 2 * 8 * 16 * 16


def test_an_encoder_decoder_reads_its_source_once():
    small = transformer.transformer(width=8, depth=2, heads=2, vocab=10, hidden=12)
    sheet = size_sheet(small, context=30)
    ffn, attention, output = 2 * 8 * 12 + 12 + 8, 4 * 8 * 8, 10 * 8
    reading = 2 * (attention + ffn) + 2 * (2 * attention + ffn) + output
    looks = 4 * 8 * 2 * (30 + 30 + 15.5)  # encoder, cross, and the decoder's own, half seen
    assert sheet.training_flops == 3 * (2 * reading + looks)
    writing = 2 * (attention + 2 * 8 * 8 + ffn) + output
    assert sheet.decoding_flops == 2 * writing + 4 * 8 * 2 * (30 + 30)
    assert sheet.cache_bytes == 2 * 2 * 2 * 30 * 8 * 4
    assert sheet.parts["cross"] == 2 * attention


def test_a_network_that_reads_no_text_has_parameters_alone():
    sheet = size_sheet(perceptron.SIZES["digits"][0])
    assert sheet.parameters == 1482
    assert (sheet.context, sheet.cache_bytes, sheet.decoding_flops) == (None, None, None)
