"""Experiments as values, the loop that plays them, and the directory that keeps them."""

from gannets.training.diagnose import diagnose
from gannets.training.evaluate import compare, evaluate
from gannets.training.evaluation import Evaluation, StopWhen
from gannets.training.loop import Step, play
from gannets.training.model import Model
from gannets.training.notation import show
from gannets.training.reading import change, read
from gannets.training.recipe import Nets, Recipe
from gannets.training.recorded import Training
from gannets.training.remedied import train
from gannets.training.run import Run, load
from gannets.training.state import State
from gannets.training.warm_start import WarmStart

__all__ = [
    "Evaluation",
    "Model",
    "Nets",
    "Recipe",
    "Run",
    "State",
    "Step",
    "StopWhen",
    "Training",
    "WarmStart",
    "change",
    "compare",
    "diagnose",
    "evaluate",
    "load",
    "play",
    "read",
    "show",
    "train",
]
