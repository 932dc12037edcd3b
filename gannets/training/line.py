"""A line of metrics: each player's losses item by item, and the rates at which it learns."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from gannets.errors import StoppedError
from gannets.game import PLAYERS
from gannets.training.state import State

__all__ = ["line_of"]


def line_of(state: State, means: Mapping[str, float]) -> dict[str, Any]:
    """The line after this update; `means` are of "generator objective" and so on, since the last.

    Raises `StoppedError` where one of them is not finite.
    """
    _stop_unless_finite(state, means)
    line: dict[str, Any] = {"step": state.step}
    for player in PLAYERS:
        prefix = f"{player} "
        line[player] = {k.removeprefix(prefix): v for k, v in means.items() if k.startswith(prefix)}
    line["rates"] = {player: state.movers[player].rates() for player in PLAYERS}
    return line


def _stop_unless_finite(state: State, means: Mapping[str, float]) -> None:
    for player in PLAYERS:
        for name, mean in means.items():
            if name.startswith(player) and not math.isfinite(mean):
                half = state.movers[player].rates().get("lr", 0.0) / 2
                raise StoppedError(
                    f"The loss {name!r} became {mean} before step {state.step}. The last "
                    "checkpoint is kept; try a lower learning rate: "
                    f"--set optimizers.{player}.lr={half:g}."
                )
