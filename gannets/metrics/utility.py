"""What a table is good for: models trained on fake rows, tested on real ones, and the other way.

Esteban, Hyland and Rätsch 2017 (arXiv:1706.02633), section 4: train on synthetic, test on real
(TSTR), and train on real, test on synthetic (TRTS). The model is scikit-learn's histogram gradient
boosting. The score is the area under the ROC curve where the target is a category (one class
against the rest, the mean by how common they are), else R². What a model gets that was trained on
as many real rows is the ceiling, and stands as the floor of both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from gannets.data.schema import Category, TableSchema
from gannets.errors import InputError, did_you_mean
from gannets.metrics.columns import columns
from gannets.metrics.comparison import Comparison
from gannets.metrics.estimate import Better, Estimate
from gannets.metrics.resampling import jackknife, normal_interval
from gannets.metrics.tables import frame_of

if TYPE_CHECKING:
    import pandas

__all__ = ["TableUtility", "area_under_curve", "r_squared"]

FEWEST = 20
"""Rows below which a model is not trained, or not tested."""
BINS = 255
"""Categories that the model can tell apart; more are taken for numbers."""


@dataclass(frozen=True)
class _Rows:
    """Features and target of a table's rows; targets that are missing are left out."""

    x: np.ndarray
    y: Tensor


@dataclass(frozen=True)
class TableUtility:
    """`utility_tstr` and `utility_trts` of models that predict the column `target`, or the last.

    Models are trained on at most `rows` rows, as many real as fake ones, and tested on held-out
    rows; without held-out rows half of the real ones are kept for the test. Intervals are those of
    the test rows: they hold for the models trained, and not for others of other training rows.
    """

    target: str | None = None
    rows: int = 5_000
    iterations: int = 100

    def __post_init__(self) -> None:
        if self.rows < FEWEST or self.iterations < 1:
            raise InputError(f"{self!r} trains no model: give rows >= {FEWEST}, iterations >= 1.")

    def __call__(self, comparison: Comparison) -> tuple[Estimate, ...]:
        stream = comparison.stream("table_utility")
        frame, fake = frame_of(comparison.real), frame_of(comparison.fake)
        schema = TableSchema.fit(frame)
        names = [column.name for column in schema.columns]
        if self.target is None:
            return replace(self, target=names[-1])(comparison)
        if self.target not in names:
            raise InputError(
                f"There is no column {self.target!r} to predict."
                f"{did_you_mean(self.target, names)} Columns: {', '.join(names[:24])}."
            )
        train, test = self._sides(comparison, frame)
        k = min(self.rows, len(train), len(fake))
        order = [stream.at(i).permutation(len(side)) for i, side in enumerate((train, fake, test))]
        parts = (train.iloc[order[0][:k].numpy()], fake.iloc[order[1][:k].numpy()])
        real_rows, fake_rows = (self._rows(part, schema, "training") for part in parts)
        held = self._rows(test.iloc[order[2][: self.rows].numpy()], schema, "testing")
        seed = int(stream.at(3).integers(1 << 31, 1))
        of_real, of_fake = (self._fit(rows, schema, seed) for rows in (real_rows, fake_rows))
        score = r_squared if self._regression(schema) else area_under_curve
        ceiling, tstr = of_real(held.x), of_fake(held.x)
        trts = of_real(fake_rows.x)
        name = "R²" if self._regression(schema) else "AUC"
        best = score(truth=held.y, predicted=ceiling)
        return (
            self._estimate(comparison, "tstr", name, score, held.y, tstr, best, (ceiling, k)),
            self._estimate(comparison, "trts", name, score, fake_rows.y, trts, best, (None, k)),
        )

    def _sides(
        self, comparison: Comparison, frame: pandas.DataFrame
    ) -> tuple[pandas.DataFrame, pandas.DataFrame]:
        """Real rows to train on, and others to test on."""
        if comparison.train is not None and comparison.holdout is not None:
            return frame_of(comparison.train), frame_of(comparison.holdout)
        order = comparison.stream("table_utility/split").permutation(len(frame)).numpy()
        half = len(frame) // 2
        return frame.iloc[order[:half]], frame.iloc[order[half:]]

    def _regression(self, schema: TableSchema) -> bool:
        return not isinstance(self._target(schema), Category)

    def _target(self, schema: TableSchema) -> object:
        return next(column for column in schema.columns if column.name == self.target)

    def _rows(self, frame: pandas.DataFrame, schema: TableSchema, what: str) -> _Rows:
        """The columns but the target as features, numbers first, categories as codes."""
        frame = frame[frame[self.target].notna()] if self.target in frame.columns else frame
        table = columns(frame, schema=schema)
        names = (table.number_names, [column.name for column in table.categories])
        sides = (table.numbers, table.codes)
        here = 0 if self._regression(schema) else 1
        y = sides[here][:, names[here].index(str(self.target))]
        kept = [
            side[:, [j for j, name in enumerate(each) if name != self.target]].double()
            for side, each in zip(sides, names, strict=True)
        ]
        different = len(y.unique()) if len(y) else 0
        if len(y) < FEWEST or (what == "testing" and different < 2):
            raise InputError(
                f"{len(y):,} rows with {different:,} different values of {self.target!r} are too "
                f"few for {what}: give at least {FEWEST} rows and another target or more rows."
            )
        return _Rows(torch.cat(kept, dim=1).numpy(), y)

    def _fit(self, rows: _Rows, schema: TableSchema, seed: int) -> Callable[[np.ndarray], Tensor]:
        """A model trained on rows, as the function of features that predicts."""
        from sklearn.ensemble import (  # takes a second: not when gannets is imported
            HistGradientBoostingClassifier,
            HistGradientBoostingRegressor,
        )

        others = [column for column in schema.columns if column.name != self.target]
        sizes = [len(column.values) for column in others if isinstance(column, Category)]
        numeric = len(others) - len(sizes)
        mask = [False] * numeric + [size + 2 <= BINS for size in sizes]
        settings = {
            "max_iter": self.iterations,
            "early_stopping": False,
            "random_state": seed,
            "categorical_features": mask if any(mask) else None,
        }
        if self._regression(schema):
            regressor = HistGradientBoostingRegressor(**settings).fit(rows.x, rows.y.numpy())
            return lambda x: torch.from_numpy(regressor.predict(x))
        target = self._target(schema)
        assert isinstance(target, Category)
        width = len(target.values) + 2
        present = rows.y.unique()
        if len(present) == 1:  # nothing to be learnt: always the same
            return lambda x: torch.eye(width).double()[present].expand(len(x), -1)
        classifier = HistGradientBoostingClassifier(**settings).fit(rows.x, rows.y.numpy())

        def probabilities(x: np.ndarray) -> Tensor:
            found = torch.zeros(len(x), width, dtype=torch.float64)
            found[:, torch.from_numpy(classifier.classes_)] = torch.from_numpy(
                classifier.predict_proba(x)
            )
            return found

        return probabilities

    def _estimate(
        self,
        comparison: Comparison,
        key: str,
        name: str,
        score: Callable[..., float],
        truth: Tensor,
        predicted: Tensor,
        ceiling: float,
        beside: tuple[Tensor | None, int],
    ) -> Estimate:
        rival, k = beside
        value = score(truth=truth, predicted=predicted)
        error = jackknife(lambda r: score(truth=truth[r], predicted=predicted[r]), len(truth))
        interval = normal_interval(value, error)
        high = min(1.0, interval[1])
        details: dict[str, object] = {"score": name, "trained_on": k, "tested_on": len(truth)}
        if rival is not None:  # the same test rows: what they have in common falls out
            error = jackknife(
                lambda r: (
                    score(truth=truth[r], predicted=predicted[r])
                    - score(truth=truth[r], predicted=rival[r])
                ),
                len(truth),
            )
            details["below_ceiling"] = ceiling - value
            details["below_ceiling_interval"] = list(normal_interval(ceiling - value, error))
        better: Better = "higher" if key == "tstr" else "near"
        taught, asked = ("fake", "real") if key == "tstr" else ("real", "fake")
        return comparison.estimate(
            self,
            f"utility_{key}",
            f"{key.upper()} {name}",
            value,
            through="samples",
            n=(len(truth), k) if key == "tstr" else (k, len(truth)),
            interval=(min(interval[0], high), max(interval[1] if name != "AUC" else high, value)),
            floor=ceiling,
            better=better,
            meaning=(
                f"A model of {self.target} taught by {taught} rows gets {name} {value:.3f} on "
                f"{asked} ones; taught and tested by real ones {ceiling:.3f}."
            ),
            details=details,
        )


def area_under_curve(*, truth: Int64[Tensor, " n"], predicted: Float64[Tensor, "n c"]) -> float:
    """P(score of one of the class > of another), ties 1/2, mean over classes by their shares.

    With two classes both give the same number. 1/2 where only one class occurs.
    """
    areas = []
    present = truth.unique()
    for label in present.tolist():
        positive = truth == label
        m = int(positive.sum())
        if m == len(truth):
            return 0.5
        scores, counts = predicted[:, label].unique(return_inverse=True, return_counts=True)[1:]
        ends = counts.cumsum(0).double()
        ranks = (ends - (counts - 1) / 2)[scores]  # equal scores share their mean rank
        total = float(ranks[positive].sum())
        areas.append(m * (total - m * (m + 1) / 2) / (m * (len(truth) - m)))
    return sum(areas) / len(truth)


def r_squared(*, truth: Float64[Tensor, " n"], predicted: Float64[Tensor, " n"]) -> float:
    """1 - Σ (y - ŷ)² / Σ (y - mean)²; below 0 is worse than the mean."""
    spread = float((truth - truth.mean()).square().sum())
    return 1.0 - float((truth - predicted).square().sum()) / spread if spread > 0 else 0.0
