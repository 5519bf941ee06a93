import math

import pytest
import torch
from transformers import LlamaConfig
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

from practicum.errors import ConfigError
from practicum.nn.positions import Rope
from practicum.nn.rope_scaling import Dynamic, Interpolated, Smoothed, Yarn

CASES = {
    "linear": (Interpolated(factor=4.0), {"rope_type": "linear", "factor": 4.0}, 1),
    "dynamic, short": (Dynamic(factor=2.0, context=64), {"rope_type": "dynamic", "factor": 2.0}, 9),
    "dynamic": (Dynamic(factor=2.0, context=64), {"rope_type": "dynamic", "factor": 2.0}, 200),
    "yarn": (
        Yarn(factor=8.0, context=64),
        {"rope_type": "yarn", "factor": 8.0, "original_max_position_embeddings": 64},
        1,
    ),
    "yarn, not whole": (
        Yarn(factor=8.0, context=64, fast=16.0, slow=2.0, whole=False),
        {
            "rope_type": "yarn",
            "factor": 8.0,
            "original_max_position_embeddings": 64,
            "beta_fast": 16.0,
            "beta_slow": 2.0,
            "truncate": False,
        },
        1,
    ),
    "llama3": (
        Smoothed(factor=8.0, context=64, low=1.0, high=4.0),
        {
            "rope_type": "llama3",
            "factor": 8.0,
            "original_max_position_embeddings": 64,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
        },
        1,
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_rates_are_those_of_transformers(case):
    ours, theirs, length = case
    config = LlamaConfig(
        hidden_size=96,
        num_attention_heads=4,
        max_position_embeddings=64,
        rope_parameters={"rope_theta": 5000.0, **theirs},
    )
    make = ROPE_INIT_FUNCTIONS[theirs["rope_type"]]
    rates, magnitude = make(config, torch.device("cpu"), seq_len=length)
    torch.testing.assert_close(ours.rates(24, 5000.0, length).float(), rates, rtol=1e-5, atol=1e-8)
    assert math.isclose(ours.magnitude(), magnitude, rel_tol=1e-6)


def test_a_text_that_grows_turns_by_the_rates_of_its_length():
    rope = Rope(scaling=Dynamic(factor=2.0, context=64))
    short, long = (rope.table(8, n, torch.device("cpu")) for n in (64, 100))
    assert torch.equal(short[:10], Rope().table(8, 64, torch.device("cpu"))[:10])
    assert not torch.equal(short[:10], long[:10])


@pytest.mark.parametrize(
    "make",
    [
        lambda: Interpolated(factor=0.5),
        lambda: Dynamic(factor=2.0, context=0),
        lambda: Yarn(factor=2.0, context=8, fast=1.0, slow=2.0),
        lambda: Smoothed(factor=2.0, context=8, low=4.0, high=1.0),
        lambda: Rope(share=0.0),
        lambda: Rope(share=0.5).turned(6),
    ],
)
def test_what_cannot_be_is_refused(make):
    with pytest.raises(ConfigError):
        make()
