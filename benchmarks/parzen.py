"""The Parzen log-likelihood against scikit-learn's KernelDensity, on images of 784 pixels.

10,000 samples both. Ours scores 10,000 points; KernelDensity 50 of them, and what counts is the
time for a point: its tree prunes nothing in 784 dimensions, so that it is the same for all. With
its own settings it also sums wrongly there (its bounds cancel), with a single leaf it does not.

    python benchmarks/parzen.py
"""

from __future__ import annotations

import math
import statistics
import time

import torch
from sklearn.neighbors import KernelDensity
from torch import Tensor

from benchmarks._measure import Row, mnist, table
from gannets.metrics.parzen import GRID, choose_sigma, parzen_log_likelihood

SAMPLES, POINTS, FEW, SIGMA, ROUNDS = 10_000, 10_000, 50, 0.2, 3


def direct(samples: Tensor, points: Tensor) -> Tensor:
    """Term by term, from the differences."""
    norm = math.log(len(samples)) + 784 * math.log(SIGMA * math.sqrt(2 * math.pi))
    exponents = [(x - samples).square().sum(1) / (-2 * SIGMA**2) for x in points]
    return torch.stack([e.logsumexp(0) for e in exponents]) - norm


def main() -> None:
    """Print the table."""
    images = mnist()[: SAMPLES + POINTS].reshape(-1, 784).double() / 255
    samples, points = images[:SAMPLES], images[SAMPLES:]
    oracles = {
        "KernelDensity()": KernelDensity(bandwidth=SIGMA),
        "KernelDensity(one leaf)": KernelDensity(
            bandwidth=SIGMA, algorithm="ball_tree", leaf_size=2 * SAMPLES
        ),
    }
    for oracle in oracles.values():
        oracle.fit(samples.numpy())
    ours: list[float] = []
    theirs: dict[str, list[float]] = {name: [] for name in oracles}
    wrong = dict.fromkeys(["gannets", *oracles], 0.0)
    for number in range(ROUNDS):
        start = time.perf_counter()
        found = parzen_log_likelihood(samples=samples, points=points, sigma=SIGMA)
        ours.append(1e3 * (time.perf_counter() - start) / POINTS)
        some = slice(number * FEW, (number + 1) * FEW)
        right = direct(samples, points[some])
        wrong["gannets"] = max(wrong["gannets"], float((found[some] - right).abs().max()))
        for name, oracle in oracles.items():
            start = time.perf_counter()
            scores = torch.from_numpy(oracle.score_samples(points[some].numpy()))
            theirs[name].append(1e3 * (time.perf_counter() - start) / FEW)
            wrong[name] = max(wrong[name], float((scores - right).abs().max()))
    rows: list[Row] = []
    for name, spent in theirs.items():
        ratio = statistics.median(a / b for a, b in zip(ours, spent, strict=True))
        rows.append((name, statistics.median(ours), statistics.median(spent), ratio))
    table("against", ("gannets", "theirs"), rows, unit="ms a point")
    start = time.perf_counter()
    choose_sigma(samples=samples, points=points[:1000], sigmas=GRID)
    seconds = time.perf_counter() - start
    print(f"all {POINTS:,} points: {statistics.median(ours) * POINTS / 1e3:.1f} s")
    print(f"sigma among {len(GRID)} on 1,000 points: {seconds:.2f} s")
    for name, error in wrong.items():
        print(f"{name}: wrong by up to {error:.2g} nats")


if __name__ == "__main__":
    main()
