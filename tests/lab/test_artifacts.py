"""What a run keeps is in its folder, and told."""

from practicum.events import Artifact, listening
from practicum.lab.artifacts import keep
from practicum.lab.folder import working_in


def test_a_text_is_kept_in_the_folder_of_the_run_and_told(tmp_path):
    heard = []
    with working_in(tmp_path / "run"), listening(heard.append):
        path = keep("picture.svg", "<svg>σ′</svg>")
    assert path == tmp_path / "run" / "picture.svg"
    assert path.read_text(encoding="utf-8") == "<svg>σ′</svg>"
    assert heard == [Artifact(name="picture", path=str(path))]
