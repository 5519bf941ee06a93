"""What a run keeps comes back from its events."""

import numpy as np
from matplotlib.figure import Figure

from practicum import events
from practicum.lab.folder import working_in
from practicum.lab.kept import keep_array, keep_picture, keep_text, kept_array
from practicum.lab.rows import Origin, Rows, Run

ORIGIN = Origin(
    slug="toy", preset="smoke", setup={}, fingerprint="f", code="c", versions={}, device="cpu",
    wall_seconds=0.0, created="",
)  # fmt: skip


def test_an_array_comes_back_from_its_curve():
    heard: list[events.Event] = []
    array = np.random.default_rng(0).random((3, 4))
    with events.listening(heard.append):
        keep_array("map", array)
    curve = tuple((e.step or 0, e.value) for e in heard if isinstance(e, events.Metric))
    run = Run(arm="a", seed=0, state="done", curves={"map": curve})
    rows = Rows(origin=ORIGIN, arms=("a",), seeds=(0,), runs=(run,))
    np.testing.assert_array_equal(kept_array(rows, "a", "map", 3, 4), array)
    np.testing.assert_array_equal(kept_array(rows, "a", "map"), array.reshape(-1))


def test_a_picture_lies_in_the_runs_folder_and_is_told_of(tmp_path):
    heard: list[events.Event] = []
    with working_in(tmp_path), events.listening(heard.append):
        path = keep_picture("weights", Figure())
    assert path == tmp_path / "weights.png"
    assert path.is_file()
    assert heard == [events.Artifact(name="weights", path=str(path))]


def test_a_text_is_kept_in_the_folder_of_the_run_and_told(tmp_path):
    heard: list[events.Event] = []
    with working_in(tmp_path / "run"), events.listening(heard.append):
        path = keep_text("picture.svg", "<svg>σ′</svg>")
    assert path == tmp_path / "run" / "picture.svg"
    assert path.read_text(encoding="utf-8") == "<svg>σ′</svg>"
    assert heard == [events.Artifact(name="picture", path=str(path))]
