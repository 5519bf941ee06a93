"""A decoder in blocks: each is read as if it stood alone."""

import pytest
import torch

from practicum.errors import ConfigError, ModelError
from practicum.models.blocked import BlockedModel, blocked
from practicum.models.build import build
from practicum.models.families.llama import llama
from practicum.seeding import stream

MODEL = build(llama(width=16, depth=2, heads=2, hidden=20, vocab=30, context=20), seed=0)
IDS = torch.randint(30, (2, 11), generator=stream(0, "ids"))


def test_every_block_is_read_alone():
    parts = [MODEL(part) for part in IDS.split(4, dim=1)]
    torch.testing.assert_close(blocked(MODEL, 4)(IDS), torch.cat(parts, dim=1))


def test_the_weights_are_shared_and_the_mode_is_kept():
    made = blocked(MODEL, 4)
    mine = dict(MODEL.named_parameters())
    assert all(parameter is mine[name] for name, parameter in made.named_parameters())
    assert made.training == MODEL.training


def test_a_past_and_impossible_blocks_are_refused():
    made = blocked(MODEL, 4)
    with pytest.raises(ModelError, match="whole rows"):
        made(IDS, made.new_state(2, 20))
    with pytest.raises(ConfigError, match="at least 1"):
        BlockedModel(MODEL.description, 0)
