"""Intervals and paired tests against scipy, their properties, and a small check of coverage."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from harness.stats.clusters import (
    ClusterSums,
    cluster_sums,
    effective_clusters,
    left_out_values,
    resample_weights,
    resampled_values,
)
from harness.stats.intervals import interval
from harness.stats.methods import jackknife_error, linear_errors
from harness.stats.paired import approximate_randomisation, paired_bootstrap, paired_interval, sign_flip
from harness.stats.proportions import clopper_pearson, wilson


def mean(sums, counts):
    return sums[:, 0] / counts


def ratio(sums, counts):
    return sums[:, 0] / sums[:, 1]


def one_each(values):
    return cluster_sums([[float(v)] for v in values], [f"v{i:03}" for i in range(len(values))])


SAMPLE = np.random.default_rng(5).gamma(2.0, size=14)
values_and_clusters = st.lists(st.tuples(st.floats(-1e6, 1e6), st.sampled_from("abcdef")), min_size=2, max_size=40)
verdicts_and_clusters = st.lists(st.tuples(st.booleans(), st.sampled_from("abcdef")), min_size=2, max_size=40)


# Against scipy


@pytest.mark.parametrize("level", [0.8, 0.95, 0.99])
def test_t_interval_of_equal_clusters_is_that_of_the_cluster_means(level):
    found = interval(mean, one_each(SAMPLE), level=level)
    expected = stats.ttest_1samp(SAMPLE, 0).confidence_interval(level)
    assert (found.low, found.high) == pytest.approx(expected, rel=1e-10)


def test_percentile_interval_agrees_with_scipy():
    weights = resample_weights(len(SAMPLE), 20_000, seed=1)
    found = interval(mean, one_each(SAMPLE), weights, method="percentile")
    expected = stats.bootstrap((SAMPLE,), np.mean, n_resamples=20_000, method="percentile", rng=2).confidence_interval
    assert (found.low, found.high) == pytest.approx(tuple(expected), rel=0.015)


@pytest.mark.parametrize(("successes", "trials"), [(0, 60), (3, 60), (30, 60), (59, 60), (60, 60), (1, 1)])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_proportion_intervals_agree_with_scipy(successes, trials, level):
    test = stats.binomtest(successes, trials)
    exact, score = test.proportion_ci(level, method="exact"), test.proportion_ci(level, method="wilson")
    assert clopper_pearson(successes, trials, level) == pytest.approx(tuple(exact), rel=1e-9, abs=1e-12)
    assert wilson(successes / trials, trials, level) == pytest.approx(tuple(score), rel=1e-9, abs=1e-12)


def test_exact_sign_flip_agrees_with_scipy():
    a, b = SAMPLE[:10], SAMPLE[4:]
    test = stats.permutation_test(
        (a, b), lambda x, y: np.mean(x) - np.mean(y), permutation_type="samples", vectorized=False
    )
    found = sign_flip(mean, one_each(a), one_each(b))
    assert found.resamples == 1024 and found.method.endswith("exact")
    assert found.p == pytest.approx(test.pvalue, abs=1e-12)
    assert found.difference == pytest.approx(test.statistic)


def test_sampled_tests_come_near_the_exact_p():
    a, b = SAMPLE, np.roll(SAMPLE, 3) * 0.7
    exact = sign_flip(mean, one_each(a), one_each(b), flips=1 << 14)
    for seed in range(3):
        sampled = sign_flip(mean, one_each(a), one_each(b), flips=8000, seed=seed)
        assert sampled.resamples == 8000 and sampled.method == "cluster sign flip"
        assert sampled.p == pytest.approx(exact.p, abs=0.03)
    assert approximate_randomisation(mean, a[:, None], b[:, None], flips=1 << 14).p == exact.p


def test_clustered_error_of_a_ratio_is_the_textbook_one():
    rng = np.random.default_rng(3)
    sums = rng.gamma(3.0, size=(200, 2))
    clusters = ClusterSums(sums, np.ones(200), tuple(f"{i:03}" for i in range(200)))
    theta = sums[:, 0].sum() / sums[:, 1].sum()
    residuals = (sums[:, 0] - theta * sums[:, 1]) / sums[:, 1].sum()
    expected = np.sqrt(200 / 199 * np.sum(residuals**2))
    assert linear_errors(ratio, clusters, np.ones((1, 200)))[0] == pytest.approx(expected, rel=1e-6)
    assert jackknife_error(theta, left_out_values(ratio, clusters)) == pytest.approx(expected, rel=0.02)


def bleu(sums, counts):
    with np.errstate(divide="ignore"):
        precision = np.exp(np.log(sums[:, 0:4] / sums[:, 4:8]).mean(axis=1))
    return precision * np.exp(np.minimum(0, 1 - sums[:, 9] / sums[:, 8]))


def test_corpus_bleu_is_an_aggregate_like_any_other():
    rng = np.random.default_rng(6)
    length = rng.integers(8, 30, size=(300, 1))
    grams = length - np.arange(4)
    rows = np.hstack([rng.binomial(grams, [0.7, 0.45, 0.3, 0.2]), grams, length, length + 1])
    clusters = cluster_sums(rows, [f"v{i % 30:02}" for i in range(300)])
    weights = resample_weights(30, 4000, seed=0)
    values = resampled_values(bleu, clusters, weights)
    found = interval(bleu, clusters, weights, bounds=(0.0, 1.0))
    linear = float(linear_errors(bleu, clusters, np.ones((1, 30)))[0])
    assert jackknife_error(found.estimate, left_out_values(bleu, clusters)) == pytest.approx(linear, rel=0.05)
    assert values.std() == pytest.approx(linear, rel=0.05)
    assert found.method == "t on the logit scale" and found.high - found.low == pytest.approx(4.09 * linear, rel=0.05)
    unmatched = cluster_sums(rows * ([1, 1, 1, 0] + [1] * 6), [f"v{i % 30:02}" for i in range(300)])
    assert interval(bleu, unmatched, bounds=(0.0, 1.0)).estimate == 0.0


# Clusters and resamples


def test_sums_do_not_depend_on_the_order_of_segments():
    rng = np.random.default_rng(0)
    rows, ids = rng.normal(size=(300, 3)) * 10.0 ** rng.integers(-8, 8, size=(300, 1)), rng.choice(list("abcd"), 300)
    order = rng.permutation(300)
    first, second = cluster_sums(rows, list(ids)), cluster_sums(rows[order], list(ids[order]))
    assert first.labels == second.labels == tuple("abcd")
    assert first.sums.tobytes() == second.sums.tobytes() and first.counts.tobytes() == second.counts.tobytes()


@pytest.mark.parametrize("bad", [[[1.0]], [[1.0], [float("nan")]], [1.0, 2.0]])
def test_bad_statistics_are_refused(bad):
    with pytest.raises(ValueError, match="statistic"):
        cluster_sums(bad, ["a", "b"])


def test_the_published_cluster_sizes_weigh_as_45_clusters():
    table = {
        1: 3,
        2: 6,
        3: 6,
        4: 9,
        5: 8,
        6: 8,
        7: 9,
        8: 9,
        9: 3,
        10: 3,
        11: 3,
        12: 3,
        13: 5,
        14: 2,
        15: 2,
        16: 4,
        17: 2,
    }
    sizes = [size for size, times in table.items() for _ in range(times)]
    sizes += [18, 18, 21, 25, 27, 29, 29, 31, 31, 44, 88]
    assert (len(sizes), sum(sizes)) == (96, 1000)
    assert effective_clusters(sizes) == pytest.approx(45.28, abs=0.005)


def test_resamples_are_frozen_and_multinomial():
    weights = resample_weights(6, 5000, seed=11)
    assert weights[:2].tolist() == [[3, 0, 1, 1, 0, 1], [2, 0, 1, 2, 0, 1]]
    assert (weights.sum(axis=1) == 6).all()
    assert np.array_equal(weights[:10], resample_weights(6, 10, seed=11))
    assert weights.mean(axis=0) == pytest.approx(np.ones(6), abs=0.06)
    assert weights.var(axis=0) == pytest.approx(np.full(6, 5 / 6), abs=0.08)


def test_left_out_values_are_those_of_the_remaining_clusters():
    clusters = cluster_sums(np.arange(1.0, 13.0).reshape(6, 2), list("aabbcd"))
    without = np.ones((4, 4), dtype=np.int64) - np.eye(4, dtype=np.int64)
    assert left_out_values(ratio, clusters) == pytest.approx(resampled_values(ratio, clusters, without))


# Properties of the interval


def test_an_error_that_rounds_to_nothing_gives_no_nan():
    sums = cluster_sums([[0.0], [6e-165]], ["a", "b"])
    found = interval(mean, sums, resample_weights(2, 60, seed=3), method="bootstrap-t")
    assert found.low <= found.estimate <= found.high  # false of a NaN


@settings(max_examples=60, deadline=None)
@given(values_and_clusters, st.sampled_from(["default", "t", "percentile", "bootstrap-t"]), st.randoms())
def test_interval_contains_the_estimate_and_ignores_order(segments, method, random):
    shuffled = random.sample(segments, len(segments))
    found, again = (
        interval(mean, c, resample_weights(len(c.labels), 60, seed=3), method=method)
        for c in (cluster_sums([[v] for v, _ in s], [c for _, c in s]) for s in (segments, shuffled))
    )
    assert found == again
    if found.clusters > 1:
        assert found.low <= found.estimate <= found.high
        assert 1 <= found.effective_clusters <= found.clusters + 1e-9


@settings(max_examples=100, deadline=None)
@given(verdicts_and_clusters)
def test_proportions_have_positive_width_inside_their_bounds(segments):
    clusters = cluster_sums([[float(v)] for v, _ in segments], [c for _, c in segments])
    found, wider = (interval(mean, clusters, proportion=True, level=level) for level in (0.9, 0.99))
    if found.clusters > 1:
        assert 0 <= found.low <= found.estimate <= found.high <= 1
        assert found.high > found.low
        assert wider.low <= found.low and found.high <= wider.high


@settings(max_examples=60, deadline=None)
@given(values_and_clusters, st.sampled_from([None, (-1e7, 1e7), (-1e7, np.inf), (-np.inf, 1e7)]))
def test_higher_level_is_wider_and_bounds_hold(segments, bounds):
    clusters = cluster_sums([[v] for v, _ in segments], [c for _, c in segments])
    found, wider = (interval(mean, clusters, bounds=bounds, level=level) for level in (0.8, 0.99))
    if found.clusters > 1:
        assert wider.low <= found.low and found.high <= wider.high
        assert bounds is None or (bounds[0] <= wider.low and wider.high <= bounds[1])


@settings(max_examples=60, deadline=None)
@given(values_and_clusters, st.floats(-1e3, 1e3))
def test_mean_interval_moves_with_the_values(segments, shift):
    ids = [c for _, c in segments]
    found = interval(mean, cluster_sums([[v] for v, _ in segments], ids))
    moved = interval(mean, cluster_sums([[v + shift] for v, _ in segments], ids))
    if found.clusters > 1:
        assert (moved.low - shift, moved.high - shift) == pytest.approx((found.low, found.high), rel=1e-6, abs=1e-3)


# Degenerate data


def test_no_success_at_all_still_has_an_interval():
    clusters = cluster_sums([[0.0]] * 60, [f"v{i % 6}" for i in range(60)])
    found = interval(mean, clusters, proportion=True)
    assert found.estimate == found.low == 0 and 0.0596 < found.high < 0.46
    assert interval(mean, clusters, bounds=(0.0, 1.0)).high == found.high
    mirrored = interval(mean, ClusterSums(clusters.counts[:, None], clusters.counts, clusters.labels), proportion=True)
    assert mirrored.low == pytest.approx(1 - found.high) and mirrored.high == 1


def test_equal_shares_in_every_cluster_are_not_certainty():
    found = interval(mean, cluster_sums([[0.0], [1.0]] * 6, list("aabbccddeeff")), proportion=True)
    assert found.low < 0.25 and found.high > 0.75


def test_one_cluster_has_no_interval():
    found = interval(mean, cluster_sums([[1.0], [2.0]], ["a", "a"]))
    assert (found.estimate, found.low, found.high, found.clusters) == (1.5, None, None, 1)
    assert found.method == "one cluster: no interval"


def test_nothing_defined_has_no_estimate():
    found = interval(ratio, cluster_sums([[0.0, 0.0]] * 4, list("aabb")))
    assert (found.estimate, found.low, found.high, found.clusters) == (None, None, None, 0)
    assert sign_flip(ratio, *[cluster_sums([[0.0, 0.0]] * 4, list("aabb"))] * 2).p is None


def test_clusters_without_a_defined_segment_do_not_count():
    rows, ids = [[1.0, 2.0], [3.0, 4.0], [0.0, 0.0]], ["a", "b", "empty"]
    assert interval(ratio, cluster_sums(rows, ids)) == interval(ratio, cluster_sums(rows[:2], ids[:2]))
    assert interval(mean, cluster_sums([[0.0], [0.0]], ["a", "b"]), proportion=True).clusters == 2


def test_value_that_hangs_on_one_cluster_has_no_interval():
    found = interval(ratio, cluster_sums([[1.0, 2.0], [1.0, 0.0]], ["a", "b"]))
    assert found.estimate == 1.0 and found.low is None and "without one" in found.method


def test_bad_arguments_are_refused():
    clusters = one_each([1.0, 2.0])
    for wrong in ({"level": 1.0}, {"method": "normal"}, {"method": "percentile"}, {"proportion": True, "k": 2}):
        aggregate = (lambda s, n: s[:, 0] / n / 2) if wrong.pop("k", None) else mean
        with pytest.raises(ValueError):
            interval(aggregate, clusters, **wrong)
    with pytest.raises(ValueError, match="same clusters"):
        sign_flip(mean, clusters, one_each([1.0]))


# Properties of the paired tests


@settings(max_examples=40, deadline=None)
@given(values_and_clusters, st.integers(1, 300))
def test_identical_systems_give_p_one(segments, flips):
    rows, ids = np.array([[v] for v, _ in segments]), [c for _, c in segments]
    clusters = cluster_sums(rows, ids)
    weights = resample_weights(len(clusters.labels), 50, seed=0)
    for test in (
        sign_flip(mean, clusters, clusters, flips=flips),
        approximate_randomisation(mean, rows, rows, flips=flips),
        paired_bootstrap(mean, clusters, clusters, weights),
    ):
        assert test.difference == 0 and test.p == 1
    if len(clusters.labels) > 1:
        assert (paired_interval(mean, clusters, clusters).low, paired_interval(mean, clusters, clusters).high) == (0, 0)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=2, max_size=20))
def test_swapping_the_systems_changes_the_sign_alone(pairs):
    a, b = (one_each(column) for column in zip(*pairs, strict=True))
    one, other = sign_flip(mean, a, b, flips=200), sign_flip(mean, b, a, flips=200)
    assert one.p == other.p and one.difference == -other.difference
    assert 0 < one.p <= 1
    if one.method.endswith("exact"):
        assert one.p >= 2 / 2 ** len(pairs)


def test_exact_sign_flip_of_a_ratio_by_hand():
    a, b = cluster_sums([[1, 2], [5, 4], [2, 6]], "xyz"), cluster_sums([[3, 5], [1, 7], [2, 1]], "xyz")

    def difference(swap):
        rows = [
            [y if s else x for s, x, y in zip(swap, *pair, strict=True)]
            for pair in ((a.sums, b.sums), (b.sums, a.sums))
        ]
        first, second = (np.sum(r, axis=0) for r in rows)
        return first[0] / first[1] - second[0] / second[1]

    every = [difference(swap) for swap in product((0, 1), repeat=3)]
    share = np.mean([abs(d) >= abs(every[0]) - 1e-12 for d in every])
    assert sign_flip(ratio, a, b).p == share


def test_sampled_p_is_never_zero():
    a, b = one_each(range(100, 140)), one_each(range(40))
    assert sign_flip(mean, a, b, flips=999).p == 0.001
    assert sign_flip(mean, one_each(range(100, 103)), one_each(range(3))).p == 2 / 8


def test_random_exchanges_do_not_depend_on_the_chunks(monkeypatch):
    rng = np.random.default_rng(8)
    a, b = rng.normal(size=(130, 1)), rng.normal(size=(130, 1))
    whole = approximate_randomisation(mean, a, b, flips=500, seed=4)
    monkeypatch.setattr("harness.stats.paired.CHUNK_CELLS", 1000)
    assert approximate_randomisation(mean, a, b, flips=500, seed=4) == whole


def test_exchanging_segments_is_too_bold_where_segments_are_clustered():
    rng = np.random.default_rng(21)
    rows, ids = np.repeat(rng.normal(size=8), 25)[:, None] + 0.5, [f"v{i // 25}" for i in range(200)]
    a, b = rows, np.zeros_like(rows)
    segmentwise = approximate_randomisation(mean, a, b, flips=999)
    clustered = sign_flip(mean, cluster_sums(a, ids), cluster_sums(b, ids))
    assert segmentwise.p < 0.01 < clustered.p


def test_paired_bootstrap_centres_the_differences():
    a, b = one_each(SAMPLE + 3.0), one_each(SAMPLE[::-1])
    found = paired_bootstrap(mean, a, b, resample_weights(14, 999, seed=2))
    assert found.p == 0.001 and found.interval.low < 3.0 < found.interval.high
    none = paired_bootstrap(mean, one_each(SAMPLE), one_each(SAMPLE[::-1]), resample_weights(14, 999, seed=2))
    assert none.p > 0.5


# Coverage


@pytest.mark.parametrize(("share", "correlation"), [(0.05, 0.2), (0.144, 0.05), (0.5, 0.2)])
def test_proportion_interval_covers(share, correlation):
    rng, inside, widths = np.random.default_rng(1), 0, []
    for _ in range(400):
        odds = (1 - correlation) / correlation
        hits = rng.binomial(10, rng.beta(share * odds, (1 - share) * odds, size=6)).astype(float)
        found = interval(mean, ClusterSums(hits[:, None], np.full(6, 10.0), tuple("abcdef")), proportion=True)
        inside += found.low <= share <= found.high
        widths.append(found.high - found.low)
    assert inside >= 0.925 * 400
    assert np.mean(widths) < 0.6


def test_t_interval_covers_where_the_percentile_bootstrap_does_not():
    rng, weights = np.random.default_rng(2), resample_weights(6, 299, seed=0)
    inside = {"default": 0, "percentile": 0}
    for _ in range(500):
        sums = rng.gamma(2.0, size=(6, 1)) * 10
        clusters = ClusterSums(sums, np.full(6, 10.0), tuple("abcdef"))
        for method in inside:
            found = interval(mean, clusters, weights, bounds=(0.0, np.inf), method=method)
            inside[method] += found.low <= 2 <= found.high
    assert inside["default"] >= 0.92 * 500
    assert inside["percentile"] < 0.9 * 500
