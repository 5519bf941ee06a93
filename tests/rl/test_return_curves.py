"""Curves of different seeds meet at the same steps, and say there what they said."""

from practicum.lab.rows import Origin, Rows, Run
from practicum.rl.return_curves import at_common_steps

ORIGIN = Origin(
    slug="deep-rl",
    preset="cpu",
    setup={},
    fingerprint="",
    code="",
    versions={},
    device="cpu",
    wall_seconds=0.0,
    created="",
)


def rows(*curves):
    runs = tuple(
        Run(arm="a", seed=seed, state="done", curves={"return": curve, "loss": ((1, 2.0),)})
        for seed, curve in enumerate(curves)
    )
    other = Run(arm="b", seed=0, state="done", curves={"return": ((7, 1.0),)})
    return Rows(
        origin=ORIGIN, arms=("a", "b"), seeds=tuple(range(len(curves))), runs=(*runs, other)
    )


def test_curves_of_an_arm_are_read_off_at_the_same_steps():
    first = ((0, 0.0), (10, 10.0), (40, 40.0))
    second = ((4, 1.0), (21, 1.0), (30, 10.0))
    common = at_common_steps(rows(first, second), ["a"], points=3)
    assert common.arms == ("a",)
    one, two = common.curves("a", "return")
    assert one == ((4, 4.0), (17, 17.0), (30, 30.0))
    assert two == ((4, 1.0), (17, 1.0), (30, 10.0))
    assert common.curves("a", "loss")[0] == ((1, 2.0),), "other curves stay"


def test_a_curve_of_one_point_or_none_in_common_is_left_alone():
    alone = at_common_steps(rows(((3, 1.5),)), ["a"])
    assert alone.curves("a", "return") == [((3, 1.5),)]
    apart = rows(((0, 0.0), (1, 1.0)), ((5, 0.0), (6, 1.0)))
    assert at_common_steps(apart, ["a"]).curves("a", "return") == apart.curves("a", "return")
    assert at_common_steps(rows(), ["a"]).curves("a", "return") == []
