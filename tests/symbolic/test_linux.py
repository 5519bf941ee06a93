"""The kernel's calls: they work, and a failure says which."""

import os
import sys

import pytest

from practicum.symbolic.linux import call, mount, prctl, set_mount

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="these are Linux's calls")


def test_a_call_answers():
    assert prctl(3) in (0, 1)  # PR_GET_DUMPABLE
    handle = call("pidfd_open", 434, os.getpid(), 0)
    assert handle > 2
    os.close(handle)


def test_a_failure_says_what_failed():
    with pytest.raises(OSError, match="prctl 9999: Invalid argument"):
        prctl(9999)
    with pytest.raises(OSError, match=r"mount on /nowhere: (No such file|Operation not)"):
        mount("none", "/nowhere", "tmpfs", 0)
    with pytest.raises(OSError, match="mount_setattr /nowhere"):
        set_mount("/nowhere", 1, below=False)
