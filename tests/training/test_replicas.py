"""Stores of copies, in memory and on disk."""

import numpy as np
import pytest

from practicum.errors import CheckpointError
from practicum.training.member import Copy
from practicum.training.replicas import DiskStore, ReplicaStore, newest_common


def copy_at(rank: int, step: int) -> Copy:
    arrays = {"w": np.full(3, step, np.float32), "w/exp_avg": np.full(3, rank, np.float32)}
    return Copy(rank=rank, step=step, cursor={"batches": step, "seed": 2**62 + 1}, arrays=arrays)


@pytest.fixture(params=["memory", "disk"])
def store(request, tmp_path):
    return ReplicaStore() if request.param == "memory" else DiskStore(tmp_path / "copies")


def test_the_latest_two_copies_of_each_member_stay(store):
    for step in (1, 2, 3):
        for rank in (0, 1):
            store.hold(copy_at(rank, step))
    store.hold(copy_at(1, 4))
    assert (store.steps(0), store.steps(1)) == ([2, 3], [3, 4])
    assert newest_common(store.steps(rank) for rank in (0, 1)) == 3
    for step in store.steps(1):
        assert store.copy(1, step).digest == copy_at(1, step).digest


def test_a_copy_that_is_not_there_is_asked_for_in_vain(store):
    with pytest.raises(CheckpointError, match=r"member|damaged"):
        store.copy(0, 7)


def test_without_a_common_step_there_is_none():
    assert newest_common([[1, 2], [3]]) is None
    assert newest_common([[], []]) is None


def test_a_damaged_file_is_noticed(tmp_path):
    store = DiskStore(tmp_path)
    store.hold(copy_at(0, 1))
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(CheckpointError, match="damaged"):
        store.copy(0, 1)


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="cannot write"):
        DiskStore(tmp_path / "file").hold(copy_at(0, 1))


def test_bytes_are_those_of_the_arrays():
    store = ReplicaStore()
    store.hold(copy_at(0, 1))
    assert store.nbytes == copy_at(0, 1).nbytes == 24
