"""The protocol of table 1, its sheets of neighbours, and what it finds on the disk."""

from __future__ import annotations

import math
import os
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import torch

from gannets.data import Digits, Folder
from gannets.errors import InputError
from gannets.reproduce.common import Bench
from gannets.reproduce.common.located import located
from gannets.reproduce.common.nearest_sheet import nearest_sheet
from gannets.reproduce.common.parzen_table import ParzenTable, part
from gannets.reproduce.common.sittings import LEFT, hours
from gannets.reproduce.table1_faces import Faces
from gannets.reproduce.table1_mnist import table1_mnist
from gannets.training.pictures import sheet
from tests.small import small


def _table(seed: int = 0) -> ParzenTable:
    draw = torch.Generator().manual_seed(seed)
    train, validation, test = (torch.rand(n, 6, generator=draw) for n in (60, 30, 40))
    return ParzenTable(train, validation, test)


def _mean_log_likelihood(samples: np.ndarray, points: np.ndarray, sigma: float) -> np.ndarray:
    """As the definition has it, one point after the other."""
    d = samples.shape[1]
    found = []
    for x in points:
        kernels = [math.exp(-((x - s) ** 2).sum() / (2 * sigma**2)) for s in samples]
        norm = (sigma * math.sqrt(2 * math.pi)) ** d
        found.append(math.log(sum(kernels) / len(samples) / norm))
    return np.array(found)


def test_a_row_is_the_mean_log_likelihood_at_the_width_that_validation_chooses() -> None:
    table = _table()
    samples = torch.rand(50, 1, 2, 3, generator=torch.Generator().manual_seed(9))
    row = table.row(samples)
    flat = samples.flatten(1).double().numpy()
    widths = np.logspace(-1, 0, 10)
    means = [_mean_log_likelihood(flat, table.validation.numpy(), s).mean() for s in widths]
    sigma = widths[int(np.argmax(means))]
    values = _mean_log_likelihood(flat, table.test.numpy(), sigma)
    # Two ways to sum fifty exponentials in double precision.
    assert row.sigma == pytest.approx(sigma, rel=1e-12)
    assert row.mean == pytest.approx(values.mean(), rel=1e-10)
    assert row.error == pytest.approx(values.std(ddof=1) / math.sqrt(40), rel=1e-10)


def test_the_width_is_not_chosen_by_the_test_samples() -> None:
    table = _table()
    other = ParzenTable(table.train, table.validation, 5 * table.test)
    samples = torch.rand(50, 6, generator=torch.Generator().manual_seed(9))
    assert table.row(samples).sigma == other.row(samples).sigma


def test_the_parts_are_disjoint() -> None:
    table = ParzenTable.of(Digits(split="train", bounds=(0.0, 1.0)), validation=None)
    parts = (table.train, table.validation, table.test)
    assert [len(x) for x in parts] == [1197, 300, 300]
    rows = torch.cat(parts)
    assert len(rows.unique(dim=0)) == len(rows)
    assert part(Digits(bounds=(0.0, 1.0))).shape == (1197, 64)


def test_true_samples_are_training_samples_each_once() -> None:
    table = _table()
    drawn = table.true_samples(20, torch.Generator().manual_seed(3))
    same = (drawn[:, None] == table.train).all(2)
    assert same.any(1).all()
    assert len(same.int().argmax(1).unique()) == 20


def test_the_averaged_game_is_the_authors_and_an_average_besides() -> None:
    before, after = table1_mnist.authors, table1_mnist.with_average()
    same = replace(after, name=before.name, averaging=None, steps=before.steps)
    assert same == before
    assert after.steps > before.steps
    assert after.averaging is not None


def test_a_framed_image_is_the_nearest_to_the_one_beside_it() -> None:
    draw = torch.Generator().manual_seed(1)
    reals = torch.rand(30, 1, 5, 5, generator=draw)
    fakes = reals[torch.tensor([4, 9, 2, 7, 1, 8])] + 0.01
    page = nearest_sheet(fakes, reals, columns=3, bounds=(0.0, 1.0))
    # The last fakes of the two rows were made of reals 2 and 8.
    for row, nearest in enumerate((2, 8)):
        tile = sheet(reals[nearest : nearest + 1], bounds=(0.0, 1.0), side=1)
        height, width = tile.shape[:2]
        shown = page[row * (page.shape[0] // 2) :][:height, -width:]
        assert np.array_equal(shown[3:-3, 3:-3], tile[3:-3, 3:-3])
        assert not np.array_equal(shown, tile)  # framed


def test_hours_are_those_between_starts_and_stops(tmp_path: Path) -> None:
    run = Bench(tmp_path).train("ring", small("ring"))
    lines = [
        "2026-01-01 10:00:00  started on cpu",
        "2026-01-01 10:30:00  stopped at step 5",
        "2026-01-01 12:00:00  resumed at step 5 on cpu",
        "2026-01-01 12:10:00  a note",
        "2026-01-01 13:00:00  finished at step 9",
    ]
    (run.path / "log.txt").write_text("\n".join(lines))
    assert hours(run) == pytest.approx(1.5)
    (run.path / "log.txt").unlink()
    assert hours(run) == 0


def test_hours_of_a_sitting_that_was_killed(tmp_path: Path) -> None:
    """It lasted until the last thing that is left of it; a finding in the log is one such."""
    run = Bench(tmp_path).train("ring", small("ring"))
    lines = [
        "2026-01-01 10:00:00  started on cpu",
        "2026-01-01 10:06:00  found at step 2: healthy: nothing is the matter: play on.",
        "2026-01-01 15:00:00  the device is another",
        "2026-01-01 15:00:00  resumed at step 5 on cpu",
        "2026-01-01 15:30:00  finished at step 9",
    ]
    (run.path / "log.txt").write_text("\n".join(lines))
    now = datetime(2026, 1, 1, 20).timestamp()
    for pattern in LEFT:
        for file in run.path.glob(pattern):
            os.utime(file, (now, now))
    assert hours(run) == pytest.approx(0.1 + 0.5)
    kept = sorted(run.path.glob("checkpoints/*/state.json"))[0]
    at = datetime(2026, 1, 1, 11).timestamp()
    os.utime(kept, (at, at))
    assert hours(run) == pytest.approx(1.0 + 0.5)


@pytest.mark.parametrize("seed", range(3))
def test_no_constant_output_beats_the_mean_sample(seed: int) -> None:
    """At any width, and however often it is said; up to the sampling of the test part."""
    table = _table(seed)
    same = ParzenTable(table.train, table.train, table.train)
    best = same.row(same.mean_sample())
    draw = torch.Generator().manual_seed(seed)
    for constant in (torch.rand(1, 6, generator=draw), table.train[:1], table.train[:60].mean(0)):
        row = same.row(constant.reshape(1, 6).expand(20, 6))
        assert row.mean <= best.mean + 1e-9  # the sum of 20 equal kernels in double precision


def test_the_normal_has_the_pixels_moments() -> None:
    table = _table()
    x = table.normal(40_000, torch.Generator().manual_seed(4))
    # Five standard errors of a mean of 40,000 with deviation 0.3; of a deviation, by sqrt 2 less.
    torch.testing.assert_close(x.mean(0), table.train.mean(0), rtol=0, atol=0.0075)
    torch.testing.assert_close(x.std(0), table.train.std(0), rtol=0, atol=0.0055)
    # Each pixel by itself: correlations are those of chance, 5 / sqrt 40,000.
    off = torch.corrcoef(x.T) - torch.eye(6)
    assert float(off.abs().max()) < 0.025


def test_a_file_is_found_in_the_data_folder_or_in_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GANNETS_DATA", str(tmp_path / "data"))
    with pytest.raises(InputError, match=r"faces48\.zip is not here, .*--data-dir"):
        Faces().first()
    for folder in (tmp_path, tmp_path / "data" / "faces48", tmp_path / "data"):
        folder.mkdir(exist_ok=True, parents=True)
        (folder / "faces48.zip").touch()
        assert Path(located("faces48.zip", about="")).resolve().parent == folder


def test_both_stages_of_faces_are_trained_on_the_same_faces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GANNETS_DATA", raising=False)
    (tmp_path / "faces48.zip").touch()
    faces = Faces()
    first = faces.first()
    run = Bench(tmp_path).train("ring", small("ring"))
    deep = faces.deep(run)
    path = str(tmp_path / "faces48.zip")
    assert first.data == Folder(path, size=48, channels=1, split="train[:5000]", bounds=(0.0, 1.0))
    assert deep.data == first.data
    assert deep.warm_start is not None
    assert deep.warm_start.run == str(run.path)
