"""A keeper waits for nothing that a program may have taken back."""

import os

import pytest

pytest.importorskip("fcntl", reason="the sandbox needs Linux")

from practicum.symbolic.sandbox_keeper import Keeper, _pipe


def test_output_that_is_gone_again_is_not_waited_for(tmp_path):
    keeper = object.__new__(Keeper)  # nothing but what moves output
    keeper.buffer, keeper.asked = bytearray(2**16), {"output": 100}
    reader, writer = _pipe()
    with open(tmp_path / "stdout", "w+b", buffering=0) as result:
        keeper.results, written = [result.fileno()], [0, 0, 0]
        assert keeper._pump(reader, 0, written) is None
        os.write(writer, b"words")
        assert keeper._pump(reader, 0, written) == 5
        assert keeper._pump(reader, 0, written) is None
        os.close(writer)
        assert keeper._pump(reader, 0, written) == 0
        result.seek(0)
        assert result.read() == b"words"
    assert written == [5, 0, 0]
    os.close(reader)
