"""Where files are that reproductions need and gannets cannot fetch."""

from __future__ import annotations

import os
from pathlib import Path

from gannets.data.catalogue import FOLDER
from gannets.errors import InputError

__all__ = ["located"]


def located(name: str, *, about: str) -> str:
    """The path of a file of the user's: in the data folder, its sub-folder, or here.

    The data folder is the one that `--data-dir` or `GANNETS_DATA` names; the sub-folder has the
    file's name without its suffix. Raises `InputError`, with what the file is, where it is nowhere.
    """
    places = [Path(name)]
    if given := os.environ.get(FOLDER):
        folder = Path(given).expanduser()
        places = [folder / name, folder / Path(name).stem / name, *places]
    for place in places:
        if place.is_file():
            return str(place.absolute())
    raise InputError(
        f"{name} is not here, {about}: put it into the folder that --data-dir or {FOLDER} names."
    )
