"""A model by name, or a tiny one for trying things out."""

from pathlib import Path

import pytest

from practicum.decoding.sampling import Sampling
from practicum.decoding.speaker import speaker
from practicum.errors import ModelError, UnknownName
from practicum.models.save import save


def test_without_a_name_there_is_a_tiny_one_that_is_always_the_same():
    tiny, again = speaker(None), speaker(None)
    pair = [("It was the best of times", ", it was")]
    assert tiny.loglikelihood(pair) == again.loglikelihood(pair)
    (said,) = tiny.generate(["a"], Sampling(temperature=0.0, max_tokens=3))
    assert len(said.ids) <= 3
    assert tiny.context == 512


def test_a_folder_is_read_with_its_tokenizer(tmp_path: Path):
    tiny = speaker(None)
    save(tiny.model, tmp_path / "own", tokenizer=tiny.tokenizer)
    read = speaker(str(tmp_path / "own"))
    pair = [("ab", "c")]
    assert read.loglikelihood(pair)[0].total == pytest.approx(tiny.loglikelihood(pair)[0].total)
    save(tiny.model, tmp_path / "mute")
    with pytest.raises(ModelError, match="mute has no tokenizer.json"):
        speaker(str(tmp_path / "mute"))


def test_a_name_that_is_none_is_refused():
    with pytest.raises(UnknownName):
        speaker("no-such-model")
