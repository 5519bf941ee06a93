"""A member of a course is what its copy says, and nothing else."""

import numpy as np
import pytest

from practicum.data.induction import Induction
from practicum.errors import ConfigError, TrainingError
from practicum.models.families.llama import llama
from practicum.objectives.at_end import AtEnd
from practicum.training.budget import Budget
from practicum.training.crew import flipped, summed
from practicum.training.member import Course, Gradient, Member

COURSE = Course(
    model=llama(width=8, depth=1, heads=2, hidden=12, vocab=6, context=8),
    task=Induction(shortest=5, longest=8, vocab=6),
    objective=AtEnd(),
    budget=Budget(steps=8, batch=3, rate=1e-2),
    seed=3,
)


def together(members: list[Member], steps: int) -> None:
    for _ in range(steps):
        total = summed([member.gradient() for member in members])
        for member in members:
            member.update(total.values, total.count)


def test_members_read_other_data_and_hold_the_same_weights():
    members = [Member(COURSE, rank) for rank in range(2)]
    gradients = [member.gradient() for member in members]
    assert gradients[0].digest != gradients[1].digest
    members = [Member(COURSE, rank) for rank in range(2)]
    together(members, 3)
    one, other = (member.copy() for member in members)
    assert one.arrays.keys() == other.arrays.keys()
    assert all(np.array_equal(array, other.arrays[name]) for name, array in one.arrays.items())
    assert one.digest != other.digest, "the rank is part of it"


def test_who_has_a_copy_goes_on_bit_for_bit():
    members = [Member(COURSE, rank) for rank in range(2)]
    together(members, 3)
    copies = [member.copy() for member in members]
    together(members, 3)
    others = [Member(COURSE, rank) for rank in (1, 0)]  # who it was does not matter
    for other, copy in zip(others, copies, strict=True):
        other.become(copy)
        assert other.copy().digest == copy.digest
    together(others, 3)
    assert [m.copy().digest for m in members] == [m.copy().digest for m in others]


def test_a_copy_does_not_change_with_the_member():
    members = [Member(COURSE, rank) for rank in range(2)]
    together(members, 1)
    copy = members[0].copy()
    before = copy.digest
    together(members, 1)
    assert copy.digest == before


def test_within_a_step_there_is_no_copy():
    member = Member(COURSE, 0)
    member.gradient()
    with pytest.raises(TrainingError, match="copy it between steps"):
        member.copy()


def test_one_bit_changes_the_digest():
    gradient = Gradient(values=np.arange(4, dtype=np.float32), count=2)
    other = flipped(gradient, 33)
    assert (gradient.values != other.values).tolist() == [False, True, False, False]
    assert gradient.digest != other.digest
    assert flipped(other, 33).digest == gradient.digest


@pytest.mark.parametrize(
    "change", [{"members": 1}, {"budget": Budget(steps=1, batch=1, rate=0.1, accumulate=2)}]
)
def test_what_members_cannot_do_is_refused(change):
    wanted = {"model": COURSE.model, "task": COURSE.task, "objective": AtEnd(), "seed": 0}
    with pytest.raises(ConfigError, match="member"):
        Course(**{**wanted, "budget": COURSE.budget, **change})
