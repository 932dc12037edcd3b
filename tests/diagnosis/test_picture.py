"""The picture of a diagnosis: what is drawn is what was found."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from gannets import Run, train
from gannets.diagnosis import Case, Finding
from gannets.errors import InputError
from gannets.training.drawn import draw, figure_of
from tests.diagnosis.fading import fading, healthy


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Case, Finding]:
    folder = tmp_path_factory.mktemp("picture")
    run = train(fading(steps=60, sample_every=20), out=folder / "run", device="cpu")
    case = run.examination().case(copies=False)
    return run, case, run.examination().finding(case)


def said(figure: Figure) -> str:
    return "\n".join(text.get_text() for text in figure.texts)


def test_every_statistic_is_drawn_with_its_threshold_and_window(
    seen: tuple[Run, Case, Finding],
) -> None:
    run, case, finding = seen
    figure = figure_of(run, case, finding)
    assert said(figure).startswith("fading, step 60: vanishing gradient\nD tells every fake")
    panels = figure.axes[: len(finding.evidence)]
    for axes, evidence in zip(panels, finding.evidence, strict=True):
        assert axes.get_title(loc="left").replace("\n", " ") == evidence.statistic
        curve, line = axes.lines
        assert list(zip(*curve.get_data(), strict=True)) == case.values(evidence.path)
        assert set(line.get_ydata()) == {evidence.threshold}  # type: ignore[arg-type]
        window, side = axes.patches
        left, right = window.get_x(), window.get_x() + window.get_width()  # type: ignore[attr-defined]
        assert (left, right) == evidence.window
        # The side on which the symptom lies reaches to the edge, on which all of the window is.
        low, high = sorted((side.get_y(), side.get_y() + side.get_height()))  # type: ignore[attr-defined]
        assert low <= evidence.interval[0] <= evidence.interval[1] <= high
        assert evidence.threshold in (pytest.approx(low), pytest.approx(high))


def test_what_is_judged_over_several_probes_has_a_curve_of_its_own(
    seen: tuple[Run, Case, Finding],
) -> None:
    run, case, finding = seen
    evidence = finding.evidence[0]
    derived = replace(evidence, curve=((50, 1.0), (60, evidence.value)))
    figure = figure_of(run, case, replace(finding, evidence=(evidence, derived)))
    first, second = (axes.lines[0] for axes in figure.axes[:2])
    assert list(zip(*first.get_data(), strict=True)) == case.values(evidence.path)
    assert tuple(zip(*second.get_data(), strict=True)) == derived.curve


def test_samples_over_time_stand_below(seen: tuple[Run, Case, Finding]) -> None:
    run, case, finding = seen
    strip = figure_of(run, case, finding).axes[len(finding.evidence) :]
    assert [axes.get_title() for axes in strip] == ["0", "20", "40", "60", "data"]
    early = replace(finding, step=30)
    titles = [axes.get_title() for axes in figure_of(run, case, early).axes]
    assert titles[-3:] == ["0", "20", "data"]


def test_it_is_as_wide_as_a_page(seen: tuple[Run, Case, Finding], tmp_path: Path) -> None:
    draw(tmp_path / "out.png", *seen)
    with Image.open(tmp_path / "out.png") as picture:
        assert picture.width == 900
        pixels = np.asarray(picture.convert("RGB"))
    assert 300 < len(pixels) < 900
    # Nothing is cut off at the edges: they are white.
    for edge in (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]):
        assert (edge == 255).all()


def test_titles_stay_within_their_panels(seen: tuple[Run, Case, Finding]) -> None:
    run, case, finding = seen
    figure = figure_of(run, case, finding)
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    figure.draw(renderer)
    boxes = [axes._left_title.get_window_extent(renderer) for axes in figure.axes[:3]]  # type: ignore[attr-defined]
    assert all(a.x1 < b.x0 for a, b in pairwise(boxes))
    assert boxes[-1].x1 < 900


def test_a_run_that_nothing_is_the_matter_with(tmp_path: Path) -> None:
    run = train(healthy(tmp_path, record_every=5), out=tmp_path / "run", device="cpu")
    case = run.examination().case(copies=False)
    finding = run.examination().finding(case)
    axes = figure_of(run, case, replace(finding, evidence=())).axes
    titles = [each.get_title(loc="left") for each in axes]
    assert titles[:4] == [
        "distance to held-out data",
        "coverage",
        "reals and fakes told apart by neighbours",
        "losses",
    ]
    generator, discriminator = axes[3].lines
    losses = [sum(line["generator"].values()) for line in run.metrics()]
    assert list(generator.get_ydata()) == losses  # type: ignore[arg-type]
    assert len(discriminator.get_xdata()) == 11  # type: ignore[arg-type]
    (run.path / "samples" / "000000.png").write_bytes(b"torn")
    draw(tmp_path / "out.png", run, case, finding)  # what cannot be read is left out


def test_nothing_to_draw(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", healthy(tmp_path))
    case = Case(probes=(), recipe=run.recipe)
    finding = Finding(symptom="cannot tell", state="unknown", step=0, sentence="")
    with pytest.raises(InputError, match="neither probes that could be drawn nor pictures"):
        draw(tmp_path / "out.png", run, case, finding)
    assert not (tmp_path / "out.png").exists()
