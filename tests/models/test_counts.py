"""Every published size builds on the meta device with the exact count."""

import pytest

from practicum.config import from_json, to_json
from practicum.models.build import parameters_of
from practicum.models.counts import forward_flops_per_token, parameters_by_part, state_bytes
from practicum.models.decoder import Decoder
from practicum.models.families import gpt2, llama

PUBLISHED = {
    f"{family.__name__.rpartition('.')[2]} {name}": size
    for family in (gpt2, llama)
    for name, size in family.SIZES.items()
}


@pytest.mark.parametrize(("description", "count"), PUBLISHED.values(), ids=PUBLISHED.keys())
def test_a_published_size_has_the_published_count(description: Decoder, count: int):
    assert parameters_of(description) == count
    assert sum(parameters_by_part(description).values()) == count


@pytest.mark.parametrize("description", [d for d, _ in PUBLISHED.values()], ids=PUBLISHED.keys())
def test_a_description_survives_json(description: Decoder):
    assert from_json(Decoder, to_json(description)) == description


def test_flops_are_twice_the_matrices_plus_attention():
    description = gpt2.gpt2(width=768, depth=12, heads=12)
    matrices = 12 * 12 * 768**2 + 50_257 * 768
    biases = 12 * (3 + 1 + 4 + 1) * 768  # counted as two operations each, which is generous
    attention = 12 * 4 * 768 * (1024 + 1) / 2
    assert forward_flops_per_token(description, 1024) == 2 * (matrices + biases) + attention


def test_a_cache_holds_keys_and_values_of_shared_heads():
    description = llama.SIZES["smollm2-135M"][0]
    assert state_bytes(description, 1, 100) == 100 * 30 * 2 * 3 * 64 * 4
