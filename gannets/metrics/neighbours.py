"""Whose neighbours are whose: precision, recall, density, coverage and the 1-NN test.

A set's manifold is the union of balls around its points, each reaching to the k-th nearest other
point of the set. Kynkäänniemi et al. (2019): precision is the share of fakes in the
manifold of the reals, recall that of reals in the manifold of the fakes. Naeem et al. (2020):
density counts in how many balls of reals a fake lies, over k; coverage is the share of
reals whose ball holds a fake. A ball includes its rim (<=, as in the first authors' code; the
second's has <): points that are drawn twice have a radius of 0 and still hold their copies.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from gannets.errors import InputError
from gannets.game.stream import Stream
from gannets.metrics.comparison import Comparison
from gannets.metrics.distances import nearest, nearest_others, within
from gannets.metrics.estimate import Estimate
from gannets.metrics.nearby import own_neighbours
from gannets.metrics.resampling import Z, permutation_p
from gannets.metrics.subsampling import Scatter, share_interval, subsampled

__all__ = [
    "PRDC",
    "OneNearestNeighbour",
    "coverage_floor",
    "one_nn_accuracy",
    "precision_floor",
    "prdc",
]

Values = dict[str, float]


def prdc(*, real: Float[Tensor, "n d"], fake: Float[Tensor, "m d"], k: int = 5) -> Values:
    """Precision, recall, density and coverage; memory does not grow with n m.

    Raises `InputError` where a side has no more than k points.
    """
    _enough(real, fake, k)
    radii = (nearest(x, x, k=k, skip_self=True)[0][:, k - 1] for x in (real, fake))
    return _prdc(real, fake, k, *radii)


def coverage_floor(n: int, m: int, *, k: int = 5) -> float:
    """E[coverage] where n reals and m fakes are of one continuous law: 1 - Π_i (n-1-i)/(n+m-1-i).

    A real's ball holds no fake where, of the n - 1 + m other points in order of their distance from
    it, the k nearest are all reals: i = 0 .. k-1. Any order is as likely as any other. At n = m it
    tends to 1 - 2^-k (Naeem et al. 2020).
    """
    return 1 - math.prod((n - 1 - i) / (n + m - 1 - i) for i in range(k))


def precision_floor(x: Float[Tensor, "n d"], *, k: int = 5) -> float:
    """The share of points that lie in the manifold of the others, each left out in turn.

    Unbiased for the precision that one more point of the same law would get against n - 1 of them:
    a point lies in another's ball, drawn without it, where it is among the k nearest of the other.
    """
    n = len(x)
    if n <= k + 1:
        raise InputError(
            f"{n} points cannot have {k} neighbours and be left out in turn: give more."
        )
    return _left_out(x, *nearest(x, x, k=k + 1, skip_self=True))


@dataclass(frozen=True)
class PRDC:
    """Precision, recall, density and coverage with k neighbours (Naeem et al. 2020 take k = 5).

    Floors: of coverage and density (1) in closed form for any continuous law; of precision and
    recall by leaving out one real at a time. Intervals by subsampling: disjoint subsets have the
    scatter of the law, and no point twice.
    """

    k: int = 5

    def __call__(self, comparison: Comparison) -> tuple[Estimate, ...]:
        """Four estimates: "precision", "recall", "density", "coverage"."""
        real, fake, k = comparison.real_features, comparison.fake_features, self.k
        _enough(real, fake, k)
        n, m = len(real), len(fake)
        # One neighbour more than the radii take: the floor asks whether there are ties.
        found = own_neighbours(comparison, comparison.real, k=min(k + 1, n - 1))
        fake_radii = nearest(fake, fake, k=k, skip_self=True)[0][:, k - 1]
        values = _prdc(real, fake, k, found[0][:, k - 1], fake_radii)

        def again(a: Tensor, b: Tensor) -> Tensor:
            return torch.tensor([list(prdc(real=real[a], fake=fake[b], k=k).values())]).double()

        scatter = subsampled(again, n, m, comparison.stream("prdc"), smallest=2 * (k + 1))
        floors = comparison.once(
            ("PRDC's floors", k, m), lambda: self._floors(comparison, found, m)
        )
        notes = () if scatter else (f"No interval: it takes {4 * (k + 1)} samples a side.",)
        few = ("Fewer reals than fakes: the floor is that of as many fakes as reals.",)
        return tuple(
            comparison.estimate(
                self,
                key,
                key,
                value,
                interval=_interval(key, value, scatter[i], min(n, m)) if scatter else None,
                floor=floors[key],
                # Fakes that crowd where reals are have a density beyond 1, which is no better.
                better="near" if key == "density" else "higher",
                meaning=_MEANINGS[key](value, floors[key]),
                notes=notes + (few if key == "recall" and n < m else ()),
            )
            for i, (key, value) in enumerate(values.items())
        )

    def _floors(
        self, comparison: Comparison, found: tuple[Tensor, Tensor], m: int
    ) -> dict[str, float | None]:
        real, k = comparison.real_features, self.k
        n, precision, recall = len(real), None, None
        if n > k + 1:
            precision = recall = _left_out(real, *found)
            if k < m < n - 1:
                # A point left out is judged by the others: m + 1 reals stand for m fakes.
                some = comparison.stream("prdc").at(1).permutation(n)[: m + 1]
                recall = precision_floor(real[some], k=k)
        coverage = coverage_floor(n, m, k=k)
        return {"precision": precision, "recall": recall, "density": 1.0, "coverage": coverage}


def one_nn_accuracy(*, real: Float[Tensor, "n d"], fake: Float[Tensor, "m d"]) -> Values:
    """How often the nearest other sample is of the same side: in all, of reals and of fakes.

    Leave-one-out accuracy of the 1-NN classifier (Lopez-Paz and Oquab 2017; Xu et al. 2018). Where
    several are equally near, the share of them.
    """
    return _accuracies(list(nearest_others(torch.cat([real, fake]))), len(real), len(fake))


@dataclass(frozen=True)
class OneNearestNeighbour:
    """Leave-one-out accuracy of a 1-NN classifier of reals and fakes (Xu et al. 2018).

    1 where they are apart, near 1/2 where they are alike, below where fakes are copies of reals.
    Equally many of each side are used, at most `most`. p by permuting who is which over the
    neighbours found, two-sided: it is exact.
    """

    most: int = 5000
    permutations: int = 999

    def __call__(self, comparison: Comparison) -> tuple[Estimate, ...]:
        """One estimate, "one_nn"; the accuracies of the two sides are in its details."""
        stream = comparison.stream("one_nn")
        real, fake = comparison.equally_many(stream, self.most)
        n = len(real)
        found = list(nearest_others(torch.cat([real, fake])))
        values = _accuracies(found, n, n)
        mean = (n - 1) / (2 * n - 1)
        p = self._p(found, 2 * n, mean, stream)

        def again(a: Tensor, b: Tensor) -> Tensor:
            return torch.tensor(
                [list(one_nn_accuracy(real=real[a], fake=fake[b]).values())]
            ).double()

        scatter = subsampled(again, n, n, stream.at(1), smallest=10)
        notes: tuple[str, ...] = () if scatter else ("No interval: it takes 20 samples a side.",)
        notes += comparison.note_of(n)
        return (
            comparison.estimate(
                self,
                "one_nn",
                "1-NN accuracy",
                values["all"],
                n=(n, n),
                interval=_interval("one_nn", values["all"], scatter[0], 2 * n) if scatter else None,
                floor=mean,
                p=p,
                better="near",
                meaning=_one_nn_meaning(values, p),
                notes=notes,
                details={"acc_real": values["real"], "acc_fake": values["fake"]},
            ),
        )

    def _p(self, found: list[Tensor], t: int, mean: float, stream: Stream) -> float:
        """How often the same neighbours, sides permuted, are as far from the mean; ties by lot."""
        neighbour = torch.cat([_one_of_each_row(pairs, stream) for pairs in found])
        side = torch.arange(t) < t // 2
        sides = [side] + [side[stream.permutation(t)] for _ in range(self.permutations)]
        off = [abs(float((each == each[neighbour]).double().mean()) - mean) for each in sides]
        return permutation_p(off[0], torch.tensor(off[1:], dtype=torch.float64) + 1e-12)


def _enough(real: Tensor, fake: Tensor, k: int) -> None:
    if k < 1:
        raise InputError(f"k={k} neighbours make no ball: choose k >= 1.")
    for name, x in (("real", real), ("fake", fake)):
        if len(x) <= k:
            raise InputError(
                f"{len(x)} {name} samples have no {k} neighbours among themselves: give more than "
                f"{k}, or choose a smaller k."
            )


def _left_out(x: Tensor, distances: Tensor, indices: Tensor) -> float:
    """`precision_floor` from the k + 1 nearest neighbours."""
    k = indices.shape[1] - 1
    inside = torch.zeros(len(x), dtype=torch.bool)
    if bool((distances[:, k - 1] < distances[:, k]).all()):
        inside[indices[:, :k].flatten()] = True
    else:  # The k-th neighbour is tied with others: all of them lie on the rim.
        for pairs, _ in within(x, x, a_radii=distances[:, k - 1]):
            assert pairs is not None
            inside[pairs[1, pairs[0] != pairs[1]]] = True
    return float(inside.double().mean())


def _prdc(real: Tensor, fake: Tensor, k: int, real_radii: Tensor, fake_radii: Tensor) -> Values:
    precise = torch.zeros(len(fake), dtype=torch.bool)
    recalled = torch.zeros(len(real), dtype=torch.bool)
    covered = torch.zeros(len(real), dtype=torch.bool)
    count = 0
    for in_real, in_fake in within(real, fake, a_radii=real_radii, b_radii=fake_radii):
        assert in_real is not None
        assert in_fake is not None
        covered[in_real[0]] = True
        precise[in_real[1]] = True
        recalled[in_fake[0]] = True
        count += in_real.shape[1]
    return {
        "precision": float(precise.double().mean()),
        "recall": float(recalled.double().mean()),
        "density": count / (k * len(fake)),
        "coverage": float(covered.double().mean()),
    }


def _accuracies(found: list[Tensor], n: int, m: int) -> Values:
    """The accuracies from the nearest others of n reals and m fakes after them."""
    side = torch.arange(n + m) < n
    same = torch.cat([_per_row(pairs, side) for pairs in found])
    ours, theirs = same.split([n, m])
    sides = {"all": same, "real": ours, "fake": theirs}
    return {name: float(each.mean()) for name, each in sides.items()}


def _per_row(pairs: Tensor, side: Tensor) -> Tensor:
    """The share of each point's neighbours that is of its side; pairs are sorted by point."""
    _, row, size = pairs[0].unique_consecutive(return_inverse=True, return_counts=True)
    same = (side[pairs[0]] == side[pairs[1]]).double()
    return torch.zeros(len(size), dtype=torch.float64).index_add_(0, row, same) / size


def _one_of_each_row(pairs: Tensor, stream: Stream) -> Tensor:
    """One of each point's neighbours, by lot."""
    size = pairs[0].unique_consecutive(return_counts=True)[1]
    lot = (stream.uniform(len(size)).double() * size).long().clamp(max=size - 1)
    return pairs[1, size.cumsum(0) - size + lot]


def _interval(key: str, value: float, scatter: Scatter, n: int) -> tuple[float, float]:
    if key == "density":
        return max(0.0, value - Z * scatter.error), value + Z * scatter.error
    return share_interval(value, scatter.error, n, typical=scatter.mean)


def _density_meaning(value: float, _: float | None) -> str:
    how = "less densely than" if value < 0.9 else "more densely than" if value > 1.1 else "like"
    return f"Where the reals are, fakes lie {how} reals."


def _share_meaning(text: str) -> Callable[[float, float | None], str]:
    def meaning(value: float, floor: float | None) -> str:
        perfect = "" if floor is None else f"; a perfect generator has {floor:.0%}"
        return f"{value:.0%} of the {text}{perfect}."

    return meaning


_MEANINGS: dict[str, Callable[[float, float | None], str]] = {
    "precision": _share_meaning("fakes lie where the reals are"),
    "recall": _share_meaning("reals lie where the fakes are"),
    "density": _density_meaning,
    "coverage": _share_meaning("reals have a fake among their neighbours"),
}


def _one_nn_meaning(values: Values, p: float) -> str:
    real, fake = values["real"], values["fake"]
    if p > 0.05:
        return "The nearest neighbours do not tell reals from fakes."
    if max(real, fake) < 0.5:
        return "Nearest neighbours are of the other side: the fakes are copies of reals, or near."
    if fake - real > 0.2:
        return "Fakes crowd together among the reals: the generator is collapsing."
    if real - fake > 0.2:
        return "Fakes are scattered around the reals, farther from each other than from reals."
    return "The nearest neighbours tell reals from fakes."
