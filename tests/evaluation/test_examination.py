"""Examinations of classifiers of which the answer is known."""

from functools import partial

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from practicum.data.images import images
from practicum.errors import DataError
from practicum.evaluation.classifier import answers
from practicum.evaluation.examination import (
    Memorisation,
    confidence,
    confusion,
    epochs_to,
    examine,
    noise_test,
    one_hot_costs,
    plateaus,
    shuffle_labels_test,
    shuffled_labels,
    softmax,
    worst,
)
from practicum.evaluation.examination_sheets import noise_sheet, worst_sheet
from practicum.models.build import build
from practicum.models.perceptron import Perceptron

SCORES = np.array([[0.9, 0.2, 0.1], [0.4, 0.3, 0.2], [0.1, 0.8, 0.6], [0.0, 0.0, 0.4]])
LABELS = np.array([0, 1, 2, 2])


def test_confidence_is_the_highest_score_above_a_half():
    found = confidence(SCORES)
    assert found.confident == 0.5
    assert found.top == pytest.approx((0.9 + 0.4 + 0.8 + 0.4) / 4)


def test_a_classifier_that_knows_noise_is_not_sure_of_it():
    def bright(x: np.ndarray) -> np.ndarray:
        return np.stack([x.mean(axis=1) > 2, x.mean(axis=1) <= 2], axis=1) * 0.4

    assert noise_test(bright, 64, seed=0).confident == 0
    assert noise_test(lambda x: bright(x) * 2, 64, seed=0, low=3, high=4).confident == 1


def test_networks_and_scikit_learn_are_examined_alike():
    digits = images("digits")
    theirs = LogisticRegression(max_iter=60).fit(digits.pixels[:300] > 0.5, digits.labels[:300])
    model = build(Perceptron(widths=(64, 10), output="identity"), seed=0)
    for classifier in (theirs.predict_proba, softmax(partial(answers, model))):
        found = noise_test(classifier, 64, seed=0, count=50)
        assert 0 <= found.confident <= 1
        assert 0.1 <= found.top <= 1
    np.testing.assert_allclose(
        softmax(partial(answers, model))(digits.pixels[:5]).sum(axis=1), 1, rtol=1e-6
    )


def test_shuffled_labels_are_the_same_labels_in_another_order():
    labels = images("digits").labels
    dealt = shuffled_labels(labels, seed=0)
    np.testing.assert_array_equal(np.sort(dealt), np.sort(labels))
    assert (dealt == labels).mean() < 0.2
    np.testing.assert_array_equal(dealt, shuffled_labels(labels, seed=0))


def test_epochs_are_counted_from_one_and_never_is_beyond_the_last():
    assert [epochs_to([0.2, 0.7, 0.5, 0.9], level) for level in (0.1, 0.6, 0.8, 0.95)] == [
        1,
        2,
        4,
        5,
    ]


def test_the_shuffled_label_test_compares_the_two_curves():
    def learn(labels: np.ndarray) -> list[float]:
        sorted_labels = np.array_equal(labels, np.sort(labels))
        return [0.9, 1.0] if sorted_labels else [0.1, 0.3, 0.5, 0.65]

    found = shuffle_labels_test(learn, np.repeat(np.arange(5), 9), seed=0)
    assert found == Memorisation(true=(0.9, 1.0), shuffled=(0.1, 0.3, 0.5, 0.65))
    assert found.times(0.6) == 4


def test_confusion_has_labels_as_rows_and_answers_as_columns():
    np.testing.assert_array_equal(confusion(SCORES, LABELS), [[1, 0, 0], [1, 0, 0], [0, 1, 1]])


def test_the_worst_cost_most():
    costs = [
        ((row - np.eye(3)[label]) ** 2).sum() for row, label in zip(SCORES, LABELS, strict=True)
    ]
    np.testing.assert_allclose(one_hot_costs(SCORES, LABELS), costs)
    found = worst(SCORES, LABELS, 2)
    assert [each.index for each in found] == sorted(range(4), key=lambda i: -costs[i])[:2]
    assert (found[0].label, found[0].answer, found[0].score) == (2, 1, 0.8)
    with pytest.raises(DataError, match="labels from 0 to 2 for 2 scores"):
        worst(SCORES[:, :2], LABELS, 2)


def test_plateaus_are_the_costs_of_answers_that_are_all_alike():
    labels = np.repeat(np.arange(10), [9, 10, 11, 10, 10, 10, 10, 10, 10, 10])
    found = plateaus(labels, 10)
    shares = np.bincount(labels) / len(labels)
    same = np.broadcast_to(shares, (len(labels), 10))
    assert found.prior == pytest.approx(one_hot_costs(same.copy(), labels).mean())
    assert found.prior == pytest.approx(0.90, abs=1e-3)
    assert one_hot_costs(np.zeros((len(labels), 10)), labels).mean() == found.silent
    assert "train on" in found.near(0.905)
    assert "saturated" in found.near(0.998)
    assert found.near(0.3) == ""


def test_what_an_examination_shows_can_be_drawn():
    digits = images("digits").rows(np.arange(30))
    model = build(Perceptron(widths=(64, 10)), seed=0)
    for figure in (
        noise_sheet(partial(answers, model), 8, seed=0, count=5),
        worst_sheet(partial(answers, model), digits, count=5),
    ):
        titles = [axes.get_title() for axes in figure.axes]
        assert len(titles) == 5
        assert all(": 0." in title for title in titles)


def test_an_examination_holds_what_its_parts_say():
    digits = images("digits").rows(np.arange(60))
    model = build(Perceptron(widths=(64, 10), start="unit"), seed=0)
    classifier = partial(answers, model)
    found = examine(classifier, digits.pixels, digits.labels, seed=0)
    scores = classifier(digits.pixels)
    assert found.cost == pytest.approx(one_hot_costs(scores, digits.labels).mean())
    assert found.top == confidence(scores).top
    assert found.confident_of_noise == noise_test(classifier, 64, seed=0).confident
    silent = examine(lambda x: np.zeros((len(x), 10)), digits.pixels, digits.labels, seed=0)
    assert "saturated" in silent.plateau
