"""Landlock takes the file system away from a process; what is allowed stays."""

import subprocess
import sys

import pytest

from practicum.symbolic.landlock import ABLE, version

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or version() < ABLE, reason="this kernel has no Landlock of version 3"
)

SOURCE = """
import os, sys
from practicum.symbolic.landlock import restrict
folder, secret, shown, device = sys.argv[1:]
restrict([shown], [device], folder)
def can(action, *arguments):
    try:
        action(*arguments)
    except OSError:
        return False
    return True
print(
    can(open, secret), can(open, secret, "a"), can(os.truncate, secret, 0),
    can(os.listdir, os.path.dirname(secret)), can(open, shown, "w"), can(os.unlink, secret),
    can(os.rename, secret, folder + "/taken"), can(os.link, secret, folder + "/taken"),
)
print(
    can(open, shown), can(open, device, "w"), can(open, folder + "/a", "w"),
    can(os.mkdir, folder + "/b"), can(os.rename, folder + "/a", folder + "/b/a"),
    can(os.symlink, secret, folder + "/link"), can(os.mkfifo, folder + "/pipe"),
)
print(can(open, folder + "/link"))
"""


def test_only_what_is_allowed_can_be_read_or_written(tmp_path):
    folder, secret, shown = tmp_path / "folder", tmp_path / "secret", tmp_path / "shown"
    folder.mkdir()
    secret.write_text("x")
    shown.write_text("y")
    places = [str(folder), str(secret), str(shown), "/dev/null"]
    done = subprocess.run([sys.executable, "-c", SOURCE, *places], capture_output=True, text=True)
    refused, allowed, linked = done.stdout.splitlines()
    assert refused.split() == ["False"] * 8, done.stderr
    assert allowed.split() == ["True"] * 7
    assert linked == "False"
    assert secret.read_text() == "x"
