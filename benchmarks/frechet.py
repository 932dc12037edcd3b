"""Fréchet's distance of 2048 features, as the library has it, against the two usual square roots.

Features of full rank (n = 5,000) and of rank 500 (n = 500). All sides begin with the features, and
take turns. Then the error where FD is known: covariances that commute, eigenvalues from 1e-6 to 1.

    python benchmarks/frechet.py [rounds]
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from functools import partial

import numpy as np
import scipy.linalg
import torch
from torch import Tensor

from benchmarks._measure import Row, compare, table
from gannets.metrics.frechet import frechet_distance

D = 2048


def moments(x: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance."""
    return x.mean(0).numpy(), torch.cov(x.T).numpy()


def by_factors(real: Tensor, fake: Tensor) -> float:
    """The library's."""
    return frechet_distance(real=real, fake=fake)


def by_sqrtm(real: Tensor, fake: Tensor) -> float:
    """As pytorch-fid has it: the square root of S_r S_g, by Schur's form."""
    (m1, s1), (m2, s2) = moments(real), moments(fake)
    root = scipy.linalg.sqrtm(s1 @ s2)
    return float(np.sum((m1 - m2) ** 2) + np.trace(s1) + np.trace(s2) - 2 * np.trace(root).real)


def by_eigenvalues(real: Tensor, fake: Tensor) -> float:
    """As torch-fidelity has it: the roots of the eigenvalues of S_r S_g, which is not symmetric."""
    (m1, s1), (m2, s2) = moments(real), moments(fake)
    roots = np.sqrt(np.linalg.eigvals(s1 @ s2).astype(complex)).real.sum()
    return float(np.sum((m1 - m2) ** 2) + np.trace(s1) + np.trace(s2) - 2 * roots)


def features(n: int, seed: int) -> Tensor:
    """Gaussian features whose variances fall from 1 to 1e-2."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, D, generator=generator, dtype=torch.float64)
    return x * torch.logspace(0, -1, D, dtype=torch.float64)


def commuting(rank: int) -> tuple[Tensor, Tensor, float]:
    """Samples whose covariances have the same eigenvectors, and their FD: Σ (√a - √b)²."""
    generator = torch.Generator().manual_seed(rank)

    def rotation(n: int, columns: int) -> Tensor:
        return torch.linalg.qr(torch.randn(n, columns, generator=generator, dtype=torch.float64)).Q

    n = rank + 1 if rank < D else 2 * D
    centred = torch.randn(n, rank, generator=generator, dtype=torch.float64)
    basis = torch.linalg.qr(centred - centred.mean(0)).Q
    directions = rotation(D, rank)
    a = torch.logspace(-6, 0, rank, dtype=torch.float64)
    b = a[torch.randperm(rank, generator=generator)]
    scale = math.sqrt(n - 1)
    first, second = (scale * (basis * each.sqrt()) @ directions.T for each in (a, b))
    return first, second, float((a.sqrt() - b.sqrt()).square().sum())


def main() -> None:
    """Print both tables."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    sides: dict[str, Callable[[Tensor, Tensor], float]] = {
        "scipy sqrtm": by_sqrtm,
        "numpy eigvals": by_eigenvalues,
    }
    for name, theirs in sides.items():
        rows: list[Row] = []
        for title, n in (("full rank, n = 5,000", 5000), ("rank 500, n = 500", 500)):
            real, fake = features(n, 0), features(n, 1)
            rows.append(
                (
                    title,
                    *compare(
                        partial(by_factors, real, fake),
                        partial(theirs, real, fake),
                        rounds=rounds,
                        warmup=0,
                    ),
                )
            )
        table(f"FD, d = {D}", ("gannets", name), rows, unit="ms")
    print(f"\n{'relative error, commuting covariances':<40} {'full rank':>12} {'rank 500':>12}")
    cases = [commuting(D), commuting(500)]
    for name, distance in (
        ("gannets", by_factors),
        *sides.items(),
    ):
        errors = [abs(distance(a, b) - exact) / exact for a, b, exact in cases]
        print(f"{name:<40} {errors[0]:>12.1e} {errors[1]:>12.1e}", flush=True)


if __name__ == "__main__":
    main()
