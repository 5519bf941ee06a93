"""A narrow embedding is led into a wide stack and out of it, and all else is the decoder's."""

from dataclasses import replace

import pytest
import torch

from practicum.errors import ConfigError, ModelError
from practicum.models.build import build, parameters_of
from practicum.models.convert import convert
from practicum.models.families.gpt2 import gpt2
from practicum.models.load import load
from practicum.models.narrow_decoder import NarrowDecoder, narrowed
from practicum.models.own_folder import write_network
from practicum.models.size_sheet import size_sheet
from practicum.seeding import stream

WIDE = gpt2(width=24, depth=2, heads=3, vocab=31, context=16)


def narrow(width: int = 5, **changes) -> NarrowDecoder:
    return narrowed(replace(WIDE, **changes), width)


@pytest.fixture
def ids():
    return torch.randint(31, (2, 9), generator=stream(0, "ids"))


def test_parameters_are_those_of_the_narrow_embedding_and_two_matrices():
    assert parameters_of(WIDE) - parameters_of(narrow()) == 31 * (24 - 5) - 2 * 24 * 5
    assert parameters_of(narrow(tied=False)) - parameters_of(narrow()) == 31 * 5


def test_with_matrices_that_only_add_zeros_it_is_a_wide_decoder(ids):
    wide, model = build(WIDE, seed=1), build(narrow(24), seed=1)
    with torch.no_grad():
        for name, parameter in wide.named_parameters():
            model.get_parameter(name).copy_(parameter)
        model.embedding.project_in.weight.copy_(torch.eye(24))
        model.project_out.weight.copy_(torch.eye(24))
    torch.testing.assert_close(model(ids), wide(ids))


@pytest.mark.parametrize("tied", [True, False])
def test_stepping_equals_reading_at_once(ids, tied):
    model = build(narrow(tied=tied), seed=1)
    state = model.new_state(2, 9)
    steps = torch.cat([model(ids[:, t : t + 1], state) for t in range(9)], dim=1)
    torch.testing.assert_close(steps, model(ids))


def test_a_text_past_the_context_is_refused():
    with pytest.raises(ModelError, match="a text of 17 tokens"):
        build(narrow(), seed=1)(torch.zeros(1, 17, dtype=torch.long))
    with pytest.raises(ConfigError, match="embedding_width is 0"):
        narrow(0)


def test_it_is_saved_and_read(ids, tmp_path):
    model = build(narrow(cap=2.0), seed=1)  # a cap, so that no known architecture is it
    (tmp_path / "ours").mkdir()
    write_network(model, model.description, tmp_path / "ours", max_shard_bytes=10**9)
    again = load(str(tmp_path / "ours")).model
    assert again.description == model.description
    torch.testing.assert_close(again(ids), model(ids))
    convert(str(tmp_path / "ours"), tmp_path / "copy", layout="practicum")


def test_what_leads_in_and_out_counts_as_arithmetic():
    sheet, wide = size_sheet(narrow()), size_sheet(WIDE)
    assert wide.decoding_flops - sheet.decoding_flops == 2 * (31 * (24 - 5) - 2 * 24 * 5)
