from gannets.data import Arrays as Arrays
from gannets.data import Digits as Digits
from gannets.data import File as File
from gannets.data import Images as Images
from gannets.errors import InputError as InputError
from gannets.errors import StoppedError as StoppedError
from gannets.game import Conditional as Conditional
from gannets.game import Game as Game
from gannets.game import Gaussian as Gaussian
from gannets.game import InstanceNoise as InstanceNoise
from gannets.game import Marginal as Marginal
from gannets.game import Packed as Packed
from gannets.game import Players as Players
from gannets.game import Spherical as Spherical
from gannets.game import Uniform as Uniform
from gannets.game import both as both
from gannets.metrics import Estimate as Estimate
from gannets.metrics import Report as Report
from gannets.training import Evaluation as Evaluation
from gannets.training import Model as Model
from gannets.training import Nets as Nets
from gannets.training import Recipe as Recipe
from gannets.training import Run as Run
from gannets.training import StopWhen as StopWhen
from gannets.training import change as change
from gannets.training import compare as compare
from gannets.training import evaluate as evaluate
from gannets.training import load as load
from gannets.training import play as play
from gannets.training import read as read
from gannets.training import show as show
from gannets.training import train as train

__version__: str
__all__: list[str]
