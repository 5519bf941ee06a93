import sys
from dataclasses import replace

import pytest

from practicum.lab.paper import Claim, Paper
from practicum.lab.plots import against, bars, claims, curves
from practicum.lab.rows import Origin, Rows, Run
from practicum.lab.verdict import judge

ORIGIN = Origin(
    slug="toy",
    preset="cpu",
    setup={},
    fingerprint="f",
    code="c",
    versions={},
    device="",
    wall_seconds=0.0,
    created="",
)
ARMS = ("1x48", "2x64", "permuted")


def rows(seeds=3, absent=()):
    runs = [
        Run(
            arm=arm,
            seed=seed,
            state="failed" if arm in absent else "done",
            numbers={"accuracy": 0.2 * place + 0.01 * seed, "size": 10.0 * 4**place, "gap": None},
            curves={"loss": tuple((step, 3.0 / (step + 1) + seed) for step in range(4))},
        )
        for seed in range(seeds)
        for place, arm in enumerate(ARMS)
    ]
    return Rows(origin=ORIGIN, arms=ARMS, seeds=tuple(range(seeds)), runs=tuple(runs))


def labels(figure):
    legend = figure.axes[0].get_legend()
    return [] if legend is None else [text.get_text() for text in legend.get_texts()]


@pytest.mark.parametrize("seeds", [1, 3])
@pytest.mark.parametrize("absent", [(), ("2x64",), ARMS])
def test_every_picture_draws_with_what_is_there(tmp_path, seeds, absent):
    there = rows(seeds, absent)
    pictures = [
        curves(there, "loss", title="Loss", y="nats", log_y=True),
        curves(there, ("loss", "other"), title="Loss $5", y="nats"),
        against(there, "accuracy", "size", title="A", x_label="n", y_label="a", log_x=True),
        bars(there, ("accuracy", "gap"), title="Accuracy", y="share"),
    ]
    for index, picture in enumerate(pictures):
        picture.savefig(tmp_path / f"{index}.png")
        assert all(axes.get_title() for axes in picture.axes)
        assert all(axes.get_ylabel() for axes in picture.axes)
    assert "matplotlib.pyplot" not in sys.modules


def test_curves_have_a_line_per_arm_and_a_band_where_there_are_seeds():
    several, one = (curves(rows(n), "loss", title="Loss", y="nats").axes[0] for n in (3, 1))
    assert len(several.lines) == len(one.lines) == 3
    assert (len(several.collections), len(one.collections)) == (3, 0)
    assert list(several.lines[0].get_ydata()) == pytest.approx([4.0, 2.5, 2.0, 1.75])


def test_controls_are_dashed_lines_across():
    figure = against(
        rows(),
        "accuracy",
        "size",
        title="Accuracy",
        x_label="parameters",
        y_label="accuracy",
        controls=("permuted",),
        log_x=True,
    )
    assert labels(figure) == ["permuted (control)"]
    axes = figure.axes[0]
    assert list(axes.lines[0].get_xdata()) == [10.0, 40.0]  # the control is no point
    assert axes.get_xscale() == "log"


def test_arms_differ_by_colour():
    axes = curves(rows(), "loss", title="Loss", y="nats").axes[0]
    assert len({line.get_color() for line in axes.lines}) == 3


def test_claims_are_drawn_with_threshold_and_state(tmp_path):
    paper = Paper(
        run=lambda setup, arm, seed: {},
        arms=ARMS,
        presets={"cpu": ORIGIN},
        claims=(
            Claim("grows with $size$", value=lambda r: r["2x64"].accuracy, at_least=0.1),
            Claim("has a gap", value=lambda r: r["2x64"].gap, at_least=0.1),
        ),
    )
    figure = claims(judge(paper, rows()))
    figure.savefig(tmp_path / "claims.png")
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == [
        "grows with $size$ — holds (asked at least 0.1)",
        "has a gap — invalid (asked at least 0.1)",
    ]


def test_a_curve_that_diverges_is_drawn_as_far_as_it_goes(tmp_path):
    there = rows()
    gone = float("inf")
    runs = [replace(run, curves={"loss": ((0, 1.0 + run.seed), (1, gone))}) for run in there.runs]
    figure = curves(replace(there, runs=tuple(runs)), "loss", title="Loss", y="nats")
    figure.savefig(tmp_path / "diverged.png")
