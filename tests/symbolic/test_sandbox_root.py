"""What a program may read: Python's library and the C libraries, and nothing of anybody's own."""

import os
import sysconfig

from practicum.symbolic.sandbox_root import readable


def test_the_standard_library_can_be_read_and_every_path_exists():
    paths = readable()
    assert all(os.path.exists(path) for path in paths)
    library = sysconfig.get_path("stdlib")
    assert any((library + "/").startswith(path + "/") for path in paths)


def test_no_path_lies_in_another_and_none_is_a_place_of_people():
    paths = readable()
    for path in paths:
        assert not any(path.startswith(other + "/") for other in paths)
        assert path not in ("/", "/home", "/root", "/etc", "/tmp", "/usr", os.path.expanduser("~"))
