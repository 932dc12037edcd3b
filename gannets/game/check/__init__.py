"""The public contract checks: what `gannets check` and the contract tests run."""

from gannets.game.check.contract import check
from gannets.game.check.result import Result

__all__ = ["Result", "check"]
