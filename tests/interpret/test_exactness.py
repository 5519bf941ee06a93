"""Steps by vectors are what the layer does; what should be nothing is nothing, and else is not."""

import pytest
import torch

from practicum.interpret.exactness import order_gap, prefix_gap, spill, vector_gap
from practicum.interpret.vector_steps import merged, vector_steps
from practicum.models.build import build
from practicum.models.families.transformer import reader, transformer
from practicum.nn.attention import Attention
from practicum.nn.state import BothWays
from practicum.seeding import stream

READER = reader(width=16, depth=2, heads=4, vocab=20, outputs=5, context=8)
IDS = torch.randint(20, (2, 7), generator=stream(1, "ids"))


def vectors(t: int = 7, d: int = 16) -> torch.Tensor:
    return torch.randn(t, d, generator=stream(2, "x"), dtype=torch.float64)


def randomly(layer):
    for name, parameter in layer.named_parameters():
        parameter.data.normal_(0.0, 0.3, generator=stream(3, name))
    return layer


@pytest.mark.parametrize("causal", [False, True])
def test_vectors_matrices_and_the_kernel_agree(causal):
    assert vector_gap(build(READER, seed=1).double().stack, vectors(), causal=causal) < 1e-12


def test_shared_heads_biases_and_values_of_another_width_take_the_same_steps():
    description = Attention(heads=4, kv_heads=2, value_width=3, bias=True)
    layer, x = randomly(description.build(16).double()), vectors()
    whole = layer(x[None], BothWays())[0]
    for place in (0, 4, 6):
        steps = vector_steps(layer, x, place)
        torch.testing.assert_close(merged(layer, steps), whole[place])
        for head in steps:
            torch.testing.assert_close(head.scaled, head.scores / 2)  # √4
            torch.testing.assert_close(head.weights.sum(), torch.ones((), dtype=torch.float64))


def test_a_masked_word_takes_no_steps_towards_later_ones():
    layer = randomly(Attention(heads=2).build(16).double())
    assert len(vector_steps(layer, vectors(), 2, causal=True)[0].keys) == 3


def test_order_is_in_the_positions_alone():
    order = torch.tensor([3, 0, 6, 1, 2, 5, 4])
    without = reader(width=16, depth=2, heads=4, vocab=20, outputs=5, context=8, positions=None)
    assert order_gap(build(without, seed=1), IDS, order) < 1e-5
    assert order_gap(build(READER, seed=1), IDS, order) > 1e-2


def test_a_masked_prefix_and_a_feed_forward_know_nothing_of_other_places():
    model = build(transformer(width=16, depth=2, heads=4, vocab=20, context=8), seed=1)
    assert prefix_gap(model, IDS, IDS, 4, other=7) < 1e-6
    assert prefix_gap(model, IDS, IDS, 7, other=7) == 0
    assert spill(model.encoder, vectors()[None].float(), 3) == 0
