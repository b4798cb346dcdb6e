"""The bootstrap against a plain one: one model, two models on the same rows, pieces, classes that are rare."""

from __future__ import annotations

import numpy as np
import pytest

from steps import bootstrap, metrics


@pytest.fixture(scope="module")
def noisy() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Actual, and the predictions of a model and of one whose errors are nearly the same."""
    random = np.random.default_rng(1)
    actual = random.normal(size=400)
    errors = random.normal(scale=3, size=400)
    return actual, actual + errors, actual + errors * 1.1 + random.normal(scale=0.1, size=400)


def test_the_interval_is_that_of_the_plain_bootstrap(noisy: tuple) -> None:
    actual, predicted, _ = noisy
    found = bootstrap.interval("rmse", actual, predicted, seed=5)
    draws = np.random.default_rng(5)
    resampled = []
    for _ in range(bootstrap.RESAMPLES):
        rows = draws.integers(0, 400, 400, dtype=np.int32)
        resampled.append(np.sqrt(np.mean((predicted[rows] - actual[rows]) ** 2)))
    assert found.low == pytest.approx(np.quantile(resampled, 0.025), rel=0.02)
    assert found.high == pytest.approx(np.quantile(resampled, 0.975), rel=0.02)
    # The standard error of a root mean square of normal errors is s / sqrt(2 n).
    assert found.standard_deviation == pytest.approx(3 / np.sqrt(800), rel=0.15)
    assert found == bootstrap.interval("rmse", actual, predicted, seed=5)
    assert found != bootstrap.interval("rmse", actual, predicted, seed=6)


@pytest.mark.parametrize("metric", ["rmse", "mae"])
def test_a_difference_is_paired(noisy: tuple, metric: str) -> None:
    """Both models are scored on the same rows, so the interval is far narrower than that of one model."""
    actual, first, second = noisy
    found = bootstrap.difference(metric, actual, second, first, seed=5)
    alone = bootstrap.interval(metric, actual, first, seed=5)
    true = getattr(metrics, metric)(actual, second) - getattr(metrics, metric)(actual, first)
    assert 0 < found.low < true < found.high
    assert found.high - found.low < (alone.high - alone.low) / 3
    turned = bootstrap.difference(metric, actual, first, second, seed=5)
    assert (turned.low, turned.high) == (pytest.approx(-found.high), pytest.approx(-found.low))


def test_a_model_does_not_differ_from_itself(noisy: tuple) -> None:
    actual, predicted, _ = noisy
    found = bootstrap.difference("rmse", actual, predicted, predicted, seed=5)
    assert (found.low, found.high, found.standard_deviation) == (0.0, 0.0, 0.0)


def test_the_area_is_resampled_with_its_ties() -> None:
    random = np.random.default_rng(2)
    actual = (random.random(200) < 0.4).astype(float)
    predicted = np.round(actual * 0.3 + random.random(200), 1)
    found = bootstrap.resampled("auc", actual, [predicted], seed=9)[:, 0]
    draws = np.random.default_rng(9).integers(0, 200, (bootstrap.RESAMPLES, 200), dtype=np.int32)
    assert found[:5] == pytest.approx([metrics.auc(actual[rows], predicted[rows]) for rows in draws[:5]])
    assert found.shape == (bootstrap.RESAMPLES,)


def test_resamples_without_a_class_are_left_out() -> None:
    actual, predicted = np.array([1.0, 0.0, 0.0]), np.array([0.9, 0.8, 0.1])
    values = bootstrap.resampled("auc", actual, [predicted], seed=1)[:, 0]
    assert np.isnan(values).mean() == pytest.approx((2 / 3) ** 3 + (1 / 3) ** 3, abs=0.05)
    assert bootstrap.interval("auc", actual, predicted, seed=1).high == 1.0


def test_large_test_sets_are_resampled_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "_DRAWS_AT_ONCE", 1000)
    actual, predicted = np.zeros(300), np.linspace(-1, 1, 300)
    found = bootstrap.interval("rmse", actual, predicted, seed=5)
    assert found.low < float(np.sqrt(np.mean(predicted**2))) < found.high
