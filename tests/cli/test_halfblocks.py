"""Pictures in a terminal: the colours are those of the pixels, exactly."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from rich.console import Console
from rich.segment import Segment

from gannets.cli.halfblocks import beside, can_show, half_blocks
from gannets.cli.sparkline import sparkline
from gannets.cli.thumbnails import contact_sheet, density, thumbnails

Pixels = NDArray[np.uint8]


def pixels_of(lines: list[list[Segment]], height: int) -> Pixels:
    """The picture that a terminal shows."""
    rows: list[list[tuple[int, ...]]] = []
    for line in lines:
        upper: list[tuple[int, ...]] = []
        lower: list[tuple[int, ...]] = []
        for text, style, _ in line:
            assert set(text) == {"▀"}
            assert style is not None
            assert style.color is not None
            upper += [tuple(style.color.triplet or ())] * len(text)
            below = style.bgcolor.triplet if style.bgcolor else None
            lower += [tuple(below or (0, 0, 0))] * len(text)
        rows += [upper, lower]
    return np.array(rows[:height], dtype=np.uint8)


def test_a_picture_of_two_by_two() -> None:
    red, green, blue, white = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
    picture = np.array([[red, green], [blue, white]], dtype=np.uint8)
    [[left, right]] = half_blocks(picture)
    assert (left.text, right.text) == ("▀", "▀")
    assert left.style is not None
    assert right.style is not None
    colours = [(s.color.triplet, s.bgcolor.triplet) for s in (left.style, right.style)]  # type: ignore[union-attr]
    assert colours == [(red, blue), (green, white)]


def test_what_is_sent_to_the_terminal() -> None:
    picture = np.array([[(1, 2, 3)], [(4, 5, 6)]], dtype=np.uint8)
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, color_system="truecolor")
    for segment in half_blocks(picture)[0]:
        console.print(segment.text, style=segment.style, end="")
    assert file.getvalue() == "\x1b[38;2;1;2;3;48;2;4;5;6m▀\x1b[0m"


@given(arrays.arrays(np.uint8, st.tuples(st.integers(1, 7), st.integers(1, 9), st.just(3))))
def test_every_pixel_is_shown(picture: Pixels) -> None:
    np.testing.assert_array_equal(pixels_of(half_blocks(picture), len(picture)), picture)


def test_the_last_row_of_an_odd_picture_has_the_terminals_background_below() -> None:
    lines = half_blocks(np.zeros((3, 1, 3), dtype=np.uint8))
    assert lines[-1][0].style is not None
    assert lines[-1][0].style.bgcolor is None


def test_beside_keeps_the_columns() -> None:
    lines = beside(
        half_blocks(np.zeros((2, 3, 3), np.uint8)),
        half_blocks(np.zeros((4, 5, 3), np.uint8)),
        width=3,
    )
    assert ["".join(part.text for part in line) for line in lines] == ["▀▀▀  ▀▀▀▀▀", "     ▀▀▀▀▀"]


@pytest.mark.parametrize(
    ("terminal", "shown"),
    [
        ({"force_terminal": True, "color_system": "truecolor"}, True),
        ({"force_terminal": True, "color_system": "256"}, True),
        ({"force_terminal": True, "color_system": "standard"}, False),
        ({"force_terminal": True, "color_system": "truecolor", "no_color": True}, False),
        ({"force_terminal": False}, False),
        ({"force_terminal": True, "_environ": {"TERM": "dumb"}}, False),
    ],
)
def test_pictures_are_for_terminals_with_colours(terminal: dict[str, object], shown: bool) -> None:
    assert can_show(Console(file=io.StringIO(), **terminal)) is shown  # type: ignore[arg-type]


@given(
    st.integers(1, 40),
    st.integers(1, 40),
    st.integers(1, 4),
    st.integers(19, 130),
    st.integers(4, 90),
)
def test_images_fit_where_they_are_put(
    height: int, width: int, channels: int, room: int, rows: int
) -> None:
    images = torch.rand(16, channels, height, width)
    page = contact_sheet(images, width=room, height=rows, bounds=(0.0, 1.0))
    assert page.shape[1] <= room


def test_images_that_fit_are_shown_as_they_are() -> None:
    images = torch.arange(4 * 64).reshape(4, 1, 8, 8).float()
    page = contact_sheet(images, width=40, height=8, bounds=(0.0, 255.0))
    for i in range(4):
        shown = page[:8, 9 * i : 9 * i + 8, 0]
        np.testing.assert_array_equal(shown, images[i, 0].numpy())


def test_a_large_image_is_averaged() -> None:
    checkers = (torch.arange(24)[:, None] + torch.arange(24)) % 2
    page = contact_sheet(
        checkers.float().expand(1, 1, 24, 24), width=12, height=12, bounds=(0.0, 1.0)
    )
    assert page.shape[:2] == (12, 12)
    assert set(np.unique(page)) <= {127, 128}


def test_samples_and_data_are_on_one_scale() -> None:
    data = torch.linspace(0, 1, 64).reshape(1, 1, 8, 8)
    dim, bright = thumbnails(data / 2, data, width=8, height=8)
    assert dim.max() == 128
    assert bright.max() == 255


def test_points_are_where_they_are() -> None:
    data = torch.tensor([[-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0], [1.0, 1.0]])
    corner = density(torch.tensor([[1.0, 1.0]]), data, 13, 13).sum(axis=2)
    top, right = np.unravel_index(int(corner.argmax()), corner.shape)
    assert top < 3
    assert right > 9
    assert (corner > corner.min()).sum() == 1


def test_points_on_a_line_in_space_are_seen_along_it() -> None:
    line = torch.linspace(-1, 1, 100)[:, None] * torch.tensor([[1.0, 2.0, -2.0]])
    picture = density(line, line, 20, 20).sum(axis=2)
    columns = (picture > picture.min()).any(axis=0)
    assert columns.sum() > 12
    assert (picture > picture.min()).any(axis=1).sum() <= 2


def test_numbers_are_a_histogram() -> None:
    data = torch.tensor([[0.0], [0.0], [0.0], [1.0]])
    picture = density(data, data, 10, 20).sum(axis=2)
    heights = (picture > picture.min()).sum(axis=0)
    assert sorted(heights[heights > 0].tolist()) == [6, 18]


def test_a_sparkline_is_the_curve() -> None:
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7]) == "▁▂▃▄▅▆▇█"
    assert sparkline([3.0, 3.0]) == "▅▅"
    assert sparkline([]) == ""
    assert sparkline([float("nan"), 1.0, 2.0]) == "▁█"
    assert sparkline([0, 0, 1, 1, 0, 0], width=3) == "▁█▁"


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=200), st.integers(1, 50))
def test_a_sparkline_is_as_wide_as_asked(values: list[float], width: int) -> None:
    line = sparkline(values, width)
    assert len(line) == min(width, len(values))
    assert not re.search("[^▁▂▃▄▅▆▇█]", line)
