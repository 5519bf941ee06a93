"""Workers are lost and gradients corrupted; the weights are as if nothing had happened."""

from dataclasses import replace

import pytest

from practicum.data.induction import Induction
from practicum.errors import ConfigError
from practicum.models.families.llama import llama
from practicum.objectives.at_end import AtEnd
from practicum.training.budget import Budget
from practicum.training.fault_tolerant import Alarm, Fault, InMemory, OnDisk, train_together
from practicum.training.member import Course

COURSE = Course(
    model=llama(width=8, depth=1, heads=2, hidden=12, vocab=6, context=8),
    task=Induction(shortest=5, longest=8, vocab=6),
    objective=AtEnd(),
    budget=Budget(steps=9, batch=3, rate=1e-2),
    seed=3,
)
KILLS = (Fault(step=0, rank=1), Fault(step=6, rank=0))


@pytest.fixture(scope="module")
def undisturbed():
    return train_together(COURSE, InMemory(), checked=True)


def test_without_faults_there_is_no_alarm(undisturbed):
    assert undisturbed.alarms == undisturbed.lost == []
    assert undisturbed.steps == 9
    assert 0 < undisturbed.goodput < 1


def test_replicas_lose_no_step_and_files_do(undisturbed, tmp_path):
    memory = train_together(COURSE, InMemory(), faults=KILLS)
    disk = train_together(COURSE, OnDisk(folder=tmp_path, every=4), faults=KILLS)
    assert memory.digest == disk.digest == undisturbed.digest
    assert (memory.lost, disk.lost) == ([0, 0], [0, 2])
    assert (memory.steps, disk.steps) == (9, 11)


def test_a_flipped_bit_is_found_attributed_and_put_right(undisturbed):
    fault = Fault(step=3, rank=1, flips=40)
    seen = train_together(COURSE, InMemory(), faults=[fault], checked=True)
    assert seen.alarms == [Alarm(step=3, rank=1)]
    assert seen.digest == undisturbed.digest


def test_unchecked_a_flipped_bit_stays(undisturbed):
    course = replace(COURSE, budget=replace(COURSE.budget, steps=9))
    fault = Fault(step=3, rank=1, flips=40)
    assert train_together(course, InMemory(), faults=[fault]).digest != undisturbed.digest


def test_checks_need_copies_in_memory(tmp_path):
    with pytest.raises(ConfigError, match="in memory"):
        train_together(COURSE, OnDisk(folder=tmp_path), checked=True)
    with pytest.raises(ConfigError, match="at least 1"):
        OnDisk(folder=tmp_path, every=0)
