"""Our decoding of ggml's blocks against the `gguf` package, on blocks of random bytes."""

import numpy as np
import pytest
import torch

from practicum.kernels.ggml_blocks import FORMATS, decode_blocks

gguf = pytest.importorskip("gguf", reason="the independent decoder is the `gguf` package")


def random_bytes(blocks: int, size: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (blocks, size), dtype=np.uint8)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_decoded_bit_for_bit(name: str):
    form = FORMATS[name]
    stored = random_bytes(4096, form.bytes)
    with np.errstate(all="ignore"):  # random scales are infinite or no numbers now and then
        theirs = gguf.quants.dequantize(stored, gguf.GGMLQuantizationType[name]).reshape(-1)
    ours = decode_blocks(torch.from_numpy(stored).view(-1), form).numpy()
    # A scale that is not a number has several bit patterns; which one comes out is not promised.
    number = ~np.isnan(theirs)
    assert number.mean() > 0.8
    np.testing.assert_array_equal(np.isnan(ours), ~number)
    np.testing.assert_array_equal(ours.view(np.uint32)[number], theirs.view(np.uint32)[number])


@pytest.mark.parametrize("name", FORMATS)
def test_runs_do_not_matter(name: str, monkeypatch: pytest.MonkeyPatch):
    form = FORMATS[name]
    stored = torch.from_numpy(random_bytes(50, form.bytes)).view(-1)
    whole = decode_blocks(stored, form)
    monkeypatch.setattr("practicum.kernels.ggml_blocks._RUN", 7 * form.weights)
    torch.testing.assert_close(decode_blocks(stored, form), whole, rtol=0, atol=0, equal_nan=True)


def test_no_blocks_are_no_weights():
    assert decode_blocks(torch.empty(0, dtype=torch.uint8), FORMATS["Q4_0"]).shape == (0,)
