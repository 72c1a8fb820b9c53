"""Calibration of probabilities against its definition."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.judge_server import chance
from trainers.homura.genrm import calibration


def naive(probabilities, labels, bins):
    total = 0.0
    for b in range(bins):
        inside = [
            i for i, p in enumerate(probabilities) if b / bins <= p < (b + 1) / bins or (b == bins - 1 and p == 1)
        ]
        if inside:
            mean = math.fsum(probabilities[i] for i in inside) / len(inside)
            total += len(inside) * abs(mean - sum(labels[i] for i in inside) / len(inside))
    return total / len(probabilities)


@given(st.lists(st.tuples(st.integers(0, 64).map(lambda n: n / 64), st.sampled_from([0, 1])), min_size=1))
def test_calibration_error_is_what_its_definition_says(rows):
    probabilities, labels = zip(*rows, strict=True)
    found = calibration.expected_calibration_error(probabilities, labels, 8)
    assert found == pytest.approx(naive(probabilities, labels, 8))


def test_an_interval_of_the_calibration_error_holds_the_error_and_resamples_clusters():
    probabilities = [chance("p", str(n)) for n in range(400)]
    labels = [int(chance("y", str(n)) < 0.5) for n in range(400)]
    error = calibration.expected_calibration_error(probabilities, labels)
    low, high = calibration.resampled(probabilities, labels, [str(n) for n in range(400)])
    assert low < error < high and high - low < 0.15
    assert (low, high) == calibration.resampled(probabilities, labels, [str(n) for n in range(400)])


def test_labels_that_hang_together_by_cluster_make_the_interval_wider():
    probabilities, labels = [0.5] * 400, [n % 10 // 5 for n in range(400)]
    (low, high), (few_low, few_high) = (
        calibration.resampled(probabilities, labels, [str(n % size) for n in range(400)]) for size in (400, 10)
    )
    assert few_high - few_low > 3 * (high - low)
