"""A folder is emptied whatever a program put there, and nothing else is touched."""

import os
import subprocess
import sys

import pytest

from practicum.symbolic.sandbox_folder import empty, remove


def emptied(path):
    folder = os.open(path, os.O_RDONLY)
    empty(folder)
    os.close(folder)
    return os.listdir(path)


def test_files_links_and_folders_go_and_what_links_mean_stays(tmp_path):
    outside, folder = tmp_path / "outside", tmp_path / "folder"
    outside.mkdir()
    (outside / "kept").write_text("x")
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "b" / "c").write_text("y")
    (folder / "file").write_text("z")
    (folder / "a" / "away").symlink_to(outside)
    (folder / "nowhere").symlink_to("/nowhere")
    os.mkfifo(folder / "pipe")
    os.link(outside / "kept", folder / "same")
    assert emptied(folder) == []
    assert (outside / "kept").read_text() == "x"


def test_names_without_sense_go(tmp_path):
    for name in (b"\xff\xfe", b"-rf", b" \n", "é".encode()):
        os.mkdir(os.path.join(os.fsencode(tmp_path), name))
    assert emptied(tmp_path) == []


def test_a_path_longer_than_the_system_allows_goes(tmp_path):
    dig = "import os\nfor _ in range(300):\n    os.mkdir('a' * 200)\n    os.chdir('a' * 200)"
    subprocess.run([sys.executable, "-c", dig], cwd=tmp_path, check=True)
    assert emptied(tmp_path) == []


def test_modes_are_no_obstacle(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c").write_text("x")
    (tmp_path / "a" / "b").chmod(0)
    (tmp_path / "a").chmod(0)
    tmp_path.chmod(0o500)
    assert emptied(tmp_path) == []


def test_the_folder_itself_goes_too_but_not_through_a_link(tmp_path):
    folder, link = tmp_path / "folder", tmp_path / "link"
    (folder / "a").mkdir(parents=True)
    link.symlink_to(folder)
    with pytest.raises(OSError):
        remove(str(link))
    remove(str(folder))
    assert not folder.exists()
