"""An episode can be looked at whatever its environment draws, and looks the same every time."""

from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from practicum import events
from practicum.lab.folder import working_in
from practicum.rl.controls import Always, AtRandom
from practicum.rl.environments import Environment
from practicum.rl.painters import PAINTERS, draw_lines
from practicum.rl.recording import (
    FRAMES,
    STILLS,
    WIDTH,
    keep_recording,
    record,
    write_gif,
    write_strip,
)
from practicum.rl.scene import Line, Photo, to_image
from practicum.rl.score import score

PAINTED = sorted(id for id in PAINTERS if id.endswith("v1") or id == "MountainCar-v0")


@pytest.mark.parametrize("id", PAINTED)
def test_known_environments_are_painted_without_further_libraries(id, tmp_path):
    environment = Environment(id=id)
    recording = record(AtRandom(environment, seed=0), environment, seed=1, limit=20)
    steps = len(recording.actions)
    first, last = (np.asarray(to_image(recording.draw(step))) for step in (0, steps))
    assert first.shape == last.shape
    assert first.std() > 0
    with Image.open(write_gif(recording, tmp_path / "episode.gif")) as gif:
        assert gif.n_frames <= steps + 1  # equal moments become one that lasts longer
    assert not recording.whole


def test_painted_moments_differ_as_the_world_does():
    cart = Environment(id="CartPole-v1")
    recording = record(Always(1), cart, seed=0)
    assert (
        np.asarray(to_image(recording.draw(0)))
        != np.asarray(to_image(recording.draw(len(recording.actions))))
    ).any()


def test_a_recording_is_the_episode_that_is_scored(odd):
    cart = Environment(id="CartPole-v1")
    recording = record(Always(1), cart, seed=4)
    assert recording.total == score(Always(1), cart, [4]).returns[0]
    assert recording.end == "terminated"
    assert record(Always(0), odd("Corridor"), limit=9).end == "cut"
    pendulum = Environment(id="Pendulum-v1", options=(("max_episode_steps", 9),))
    assert record(AtRandom(pendulum, seed=0), pendulum).end == "truncated"


def test_an_environment_that_draws_itself_is_photographed(odd, tmp_path):
    recording = record(Always(1), odd("Seen"))
    photo = recording.draw(4).shapes[0]
    assert isinstance(photo, Photo)
    assert photo.pixels.shape == (30, WIDTH, 3), "no wider than a frame"
    assert photo.pixels[0, -1].tolist() == [255, 255, 255], "the right end is reached"
    root = ElementTree.parse(write_strip(recording, tmp_path / "strip.svg")).getroot()
    assert sum(child.tag.endswith("image") for child in root) == 5


def test_a_drawing_that_fails_does_not_lose_the_recording(odd):
    notes = []
    with events.listening(notes.append):
        recording = record(Always(1), odd("Seen", broken=True))
    assert recording.whole
    assert [note.text for note in notes if "ZeroDivisionError: no light" in note.text]


@pytest.mark.parametrize("frames", [1, 3])
def test_pixels_that_are_seen_are_shown_the_latest_of_stacked_ones(odd, frames):
    environment = replace(odd("Pixels"), frames=frames)
    photo = record(Always(1), environment).draw(2).shapes[0]
    assert photo.pixels.shape == (4, 10, 3)
    assert photo.pixels[0, :, 0].tolist() == [0] * 4 + [255] * 2 + [0] * 4


@pytest.mark.parametrize("id", ["Taxi-v4", "Blackjack-v1"])
def test_everything_else_is_lines_of_what_happened(id, tmp_path):
    environment = Environment(id=id)
    recording = record(AtRandom(environment, seed=0), environment, seed=2, limit=30)
    assert recording.whole
    text = write_strip(recording, tmp_path / "strip.svg").read_text(encoding="utf-8")
    for name in ("seen 0", "action", "reward"):
        assert f">{name}<" in text


def test_lines_are_drawn_as_far_as_the_moment():
    tracks = {"x": [0.0, 1.0, 4.0], "y": [2.0, 2.0, 2.0]}
    shapes = draw_lines(tracks, 1, 2).shapes
    lines = [shape.points for shape in shapes if isinstance(shape, Line)]
    assert [len(points) for points in lines] == [2, 2]
    assert len([shape for shape in draw_lines(tracks, 0, 2).shapes if isinstance(shape, Line)]) == 0


def test_a_long_episode_is_thinned_and_ends_with_its_end(tmp_path):
    pendulum = Environment(id="Pendulum-v1")
    recording = record(AtRandom(pendulum, seed=0), pendulum)
    with Image.open(write_gif(recording, tmp_path / "a.gif")) as gif:
        assert FRAMES // 2 <= gif.n_frames <= FRAMES + 1
    root = ElementTree.parse(write_strip(recording, tmp_path / "a.svg")).getroot()
    captions = [child.text for child in root if child.tag.endswith("text")]
    assert len(captions) == STILLS
    assert captions[0] == "step 0, return 0"
    assert captions[-1] == f"step 200, return {recording.total:.4g}"


def test_the_same_episode_gives_the_same_files(tmp_path):
    lake = Environment(id="FrozenLake-v1")
    files = []
    for name in ("a", "b"):
        recording = record(AtRandom(lake, seed=0), lake, seed=5)
        write_gif(recording, tmp_path / f"{name}.gif")
        write_strip(recording, tmp_path / f"{name}.svg")
        files.append([(tmp_path / f"{name}.{end}").read_bytes() for end in ("gif", "svg")])
    assert files[0] == files[1]


def test_a_run_keeps_both_pictures_and_tells_of_them(tmp_path):
    lake, told = Environment(id="FrozenLake-v1"), []
    with working_in(tmp_path), events.listening(told.append):
        keep_recording(record(Always(1), lake), "lake")
    assert [event.name for event in told] == ["lake, moving", "lake"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lake.gif", "lake.svg"]
