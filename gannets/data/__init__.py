"""Data: values that stand in a recipe, and the sources of batches they are loaded into."""

from gannets.data.arrays import Arrays
from gannets.data.catalogue import data_dir
from gannets.data.densities import DensitySource
from gannets.data.digits import Digits
from gannets.data.files import File
from gannets.data.images import Images
from gannets.data.resolve import NAMES, find, open_source
from gannets.data.source import Data, Source, TensorSource

__all__ = [
    "Arrays",
    "Data",
    "DensitySource",
    "Digits",
    "File",
    "Images",
    "NAMES",
    "Source",
    "TensorSource",
    "data_dir",
    "find",
    "open_source",
]
