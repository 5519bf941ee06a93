"""Rotary positions in a foreign configuration: each kind is written and read, nonsense named."""

import json
from typing import Any

import pytest

from practicum.errors import ModelError
from practicum.models.foreign_config import Watched
from practicum.models.rope_config import read_rope, write_rope
from practicum.nn.positions import Rope
from practicum.nn.rope_scaling import Dynamic, Interpolated, RopeScaling, Smoothed, Yarn

SCALINGS: dict[str, RopeScaling | None] = {
    "none": None,
    "linear": Interpolated(factor=2.5),
    "dynamic": Dynamic(factor=3.0, context=77),
    "yarn": Yarn(factor=4.0, context=50, fast=16.0, slow=2.0),
    "yarn, its own growth": Yarn(factor=4.0, context=50, growth=1.2, whole=False),
    "llama3": Smoothed(factor=8.0, context=60, low=1.5, high=5.0),
}
YARN: dict[str, Any] = {"rope_type": "yarn", "factor": 4.0, "rope_theta": 5e5}


@pytest.mark.parametrize("share", [1.0, 0.4])
@pytest.mark.parametrize("name", SCALINGS)
def test_what_is_written_is_read_to_the_same_and_to_the_end(name: str, share: float):
    rope = Rope(base=7e4, share=share, scaling=SCALINGS[name])
    written = json.loads(json.dumps(write_rope(rope) | {"max_position_embeddings": 77}))
    config = Watched(written)
    assert read_rope(config, share=0.5 if share < 1.0 else None) == rope
    config.refuse_unread(("max_position_embeddings",))  # which only a dynamic scaling reads


def test_the_share_is_the_architectures_where_it_is_not_said():
    assert read_rope({}, share=0.5) == Rope(share=0.5)
    assert read_rope({"partial_rotary_factor": 0.25}, share=0.5) == Rope(share=0.25)
    inner = {"partial_rotary_factor": 0.25, "rope_parameters": {"partial_rotary_factor": 1.0}}
    assert read_rope(inner, share=0.5) == Rope()


def test_old_and_new_entries_may_stand_beside_each_other_if_they_agree():
    config = {"rope_scaling": YARN, "rope_parameters": YARN, "max_position_embeddings": 64}
    assert read_rope(config) == Rope(base=5e5, scaling=Yarn(factor=4.0, context=64))
    with pytest.raises(ModelError, match="rope_scaling and rope_parameters say different things"):
        read_rope(config | {"rope_scaling": YARN | {"factor": 2.0}})


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"rope_scaling": "linear"}, "rope_scaling is 'linear'; expected an object"),
        ({"rope_parameters": [1]}, r"rope_parameters is \[1\]; expected an object"),
        ({"rope_parameters": {"rope_type": "longrope"}}, "'longrope'; built are default, linear"),
        ({"rope_parameters": {"rope_type": "yarn"}}, "'yarn' need factor"),
        ({"partial_rotary_factor": 0.5}, "partial_rotary_factor, to turn a part of each head"),
        ({"rope_parameters": {"partial_rotary_factor": 0.5}}, "partial_rotary_factor, to turn"),
        ({"rope_theta": "much"}, "rope_theta is 'much'; expected a number"),
    ],
)
def test_what_cannot_be_read_is_named(config: dict[str, Any], words: str):
    with pytest.raises(ModelError, match=words):
        read_rope(config)


@pytest.mark.parametrize("share", [0.0, -0.5, 1.5])
def test_a_share_that_is_none_is_named(share: float):
    with pytest.raises(ModelError, match=f"partial_rotary_factor is {share}; expected a share"):
        read_rope({"partial_rotary_factor": share}, share=0.5)
