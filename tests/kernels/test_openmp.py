"""A team can be given back, and comes again when it is needed."""

import sys
import threading
from pathlib import Path

import pytest
import torch

from practicum.kernels.openmp import release_team


@pytest.mark.skipif(sys.platform != "linux", reason="counts the threads of a Linux process")
def test_a_released_team_is_gone_until_there_is_work():
    found: list[int] = []

    def threads() -> int:
        return len(list(Path("/proc/self/task").iterdir()))

    def work() -> None:
        torch.set_num_threads(3)
        before = threads()
        numbers = torch.ones(1 << 22)
        for _ in range(2):
            assert numbers.mul(2).sum() == 2 * len(numbers)
            with_team = threads()
            if not release_team():
                return
            found.extend([with_team - before, threads() - before])

    count = torch.get_num_threads()
    try:
        alone = threading.Thread(target=work)
        alone.start()
        alone.join()
    finally:
        torch.set_num_threads(count)
    if not found:
        pytest.skip("torch computes with another runtime than GNU's")
    assert found == [2, 0, 2, 0]
