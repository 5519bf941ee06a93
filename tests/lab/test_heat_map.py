"""A heat map shows means, and leaves out what an arm does not have."""

from practicum.lab.heat_map import heat_map
from practicum.lab.rows import Origin, Rows, Run

ORIGIN = Origin(
    slug="page",
    preset="smoke",
    setup={},
    fingerprint="",
    code="",
    versions={},
    device="cpu",
    wall_seconds=0.0,
    created="",
)


def rows(**arms: list[dict[str, float | None]]) -> Rows:
    runs = [
        Run(arm=arm, seed=seed, state="done", numbers=numbers)
        for arm, of_seeds in arms.items()
        for seed, numbers in enumerate(of_seeds)
    ]
    return Rows(origin=ORIGIN, arms=tuple(arms), seeds=(0, 1), runs=tuple(runs))


def test_every_cell_is_a_mean_and_a_missing_one_is_empty():
    table = rows(
        dot=[{"key": 0.5, "place": 0.1}, {"key": 0.75}], none=[{"loss": 1.0}], a=[{"key": 1}]
    )
    figure = heat_map(table, {"key": "by key", "place": "by place"}, title="Who finds what")
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["dot", "a"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["by key", "by place"]
    assert [text.get_text() for text in axes.texts] == ["0.62", "0.10", "1.00"]
