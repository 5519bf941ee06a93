"""What a configuration says and nobody reads is refused, unless it changes nothing."""

import json

import pytest

from practicum.errors import ModelError
from practicum.models.build import build
from practicum.models.families.llama import llama
from practicum.models.foreign_config import Watched, defaulted, whole
from practicum.models.hugging_face import read_folder, write_folder


def test_entries_that_were_asked_for_are_not_refused():
    config = Watched({"width": 3, "rope": {"theta": 5.0}})
    assert whole(config, "width", 1) == 3
    assert config["rope"]["theta"] == 5.0
    config.refuse_unread()


@pytest.mark.parametrize("value", [None, False, {}, [], ""])
def test_what_is_switched_off_is_not_refused(value):
    Watched({"a_new_trick": value}).refuse_unread()


@pytest.mark.parametrize("name", ["use_cache", "torch_dtype", "bos_token_id", "output_attentions"])
def test_what_changes_nothing_in_any_architecture_is_not_refused(name):
    Watched({name: 7}).refuse_unread()


def test_what_a_family_knows_as_harmless_is_not_refused():
    Watched({"time_step_max": 0.1}).refuse_unread({"time_step_max"})


@pytest.mark.parametrize("value", [0, 0.0, True, 1.5, "on", [1], {"factor": 2}])
def test_what_nobody_read_is_refused_by_name(value):
    with pytest.raises(ModelError, match="sets a_new_trick = .*take it out of config.json"):
        Watched({"a_new_trick": value}).refuse_unread()


def test_an_entry_inside_an_entry_is_named_in_full():
    config = Watched({"rope": {"theta": 5.0, "twist": 2.0}})
    assert config["rope"]["theta"] == 5.0
    with pytest.raises(ModelError, match=r"sets rope\.twist = 2\.0"):
        config.refuse_unread()


def test_of_many_three_are_shown():
    with pytest.raises(ModelError, match="and 2 more"):
        Watched({f"trick_{i}": 1 for i in range(5)}).refuse_unread()


def test_defaults_stand_behind_a_configuration_and_do_not_count_as_read():
    config = Watched({"window": None, "twist": 1})
    behind = defaulted(config, {"window": 4096, "depth": 2})
    assert behind["window"] is None
    assert behind["depth"] == 2
    with pytest.raises(ModelError, match="twist"):
        config.refuse_unread()


def test_a_folder_whose_configuration_has_a_trick_of_its_own_is_refused(tmp_path):
    model = build(llama(width=8, depth=1, heads=2, vocab=11, hidden=16), seed=1)
    write_folder(model, tmp_path / "model")
    place = tmp_path / "model" / "config.json"
    place.write_text(json.dumps(json.loads(place.read_text()) | {"logit_scale": 0.5}))
    with pytest.raises(ModelError, match="model: the configuration sets logit_scale = 0.5"):
        read_folder(tmp_path / "model")
