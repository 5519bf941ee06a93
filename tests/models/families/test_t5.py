"""T5's sizes, its start, and its tables of distances."""

import math

import pytest
import torch

from practicum.models.build import build, parameters_of
from practicum.models.families.t5 import SIZES, t5, t5_1_1
from practicum.seeding import stream


@pytest.mark.parametrize("name", SIZES)
def test_a_size_has_its_number_of_parameters(name: str):
    description, count = SIZES[name]
    assert parameters_of(description) == count


@pytest.mark.parametrize(
    ("name", "millions"),
    [("small", 300), ("base", 582), ("large", 1230), ("xl", 3740), ("xxl", 12_900)],
)
def test_byt5_is_as_large_as_its_paper_says(name: str, millions: int):
    assert SIZES[f"byt5-{name}"][1] / 1e6 == pytest.approx(millions, rel=0.002)


def test_every_matrix_starts_with_the_deviation_of_its_kind():
    width, inner, head_width, hidden = 96, 4 * 40, 40, 200
    model = build(
        t5_1_1(width=width, depth=1, heads=4, head_width=head_width, hidden=hidden, vocab=300)
    )
    rest, query = width**-0.5, (width * head_width) ** -0.5
    mixer = model.decoder.blocks[0].mixer
    q, k, v = mixer.qkv.weight.detach().split(inner)
    relative = torch.cat(
        [
            stack.blocks[0].mixer.relative.weight.detach().flatten()
            for stack in (model.encoder, model.decoder)
        ]
    )
    expected = {
        "embedding": (model.source_embedding.weight, 1.0),
        "head": (model.head.weight, rest),
        "q": (q, query),
        "k": (k, rest),
        "v": (v, rest),
        "cross": (model.decoder.blocks[0].cross.qkv.weight[:inner], query),
        "out": (mixer.out.weight, inner**-0.5),
        "up": (model.encoder.blocks[0].ffn.up.weight, rest),
        "down": (model.encoder.blocks[0].ffn.down.weight, hidden**-0.5),
        "relative": (relative, rest),
    }
    for name, (weight, std) in expected.items():
        few = 4 / math.sqrt(2 * weight.numel())
        assert float(weight.detach().std()) == pytest.approx(std, rel=few), name
    assert bool((model.encoder.final_norm.weight == 1.0).all())


def test_the_layers_of_a_stack_have_one_table_and_the_stacks_one_each():
    model = build(t5(width=16, depth=3, heads=2, hidden=20, vocab=30))
    tables = [name for name, _ in model.named_parameters() if "relative" in name]
    assert tables == [f"{s}coder.blocks.0.mixer.relative.weight" for s in ("en", "de")]
    assert len({block.mixer.relative for block in model.encoder.blocks}) == 1


def test_the_table_alone_tells_the_encoder_what_stands_before_what():
    model = build(t5(width=16, depth=2, heads=2, hidden=20, vocab=30), seed=1)
    ids = torch.randint(30, (1, 12), generator=stream(0, "ids"))
    ordered = model.read(ids)
    assert not torch.allclose(model.read(ids.flip(1)).flip(1), ordered, atol=1e-4)
    table = model.encoder.blocks[0].mixer.relative.weight
    with torch.no_grad():
        table.fill_(0.3)
    torch.testing.assert_close(model.read(ids.flip(1)).flip(1), model.read(ids))
