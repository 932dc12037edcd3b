"""Data: values that stand in a recipe, and the sources of batches they are loaded into."""

from gannets.data.arrays import Arrays
from gannets.data.catalogue import data_dir
from gannets.data.contrast import GlobalContrast
from gannets.data.densities import DensitySource
from gannets.data.digits import Digits
from gannets.data.files import File
from gannets.data.folder import Folder
from gannets.data.frames import read_table
from gannets.data.images import Images
from gannets.data.resolve import NAMES, find, open_source
from gannets.data.schema import TableSchema
from gannets.data.source import Data, Source, TensorSource
from gannets.data.table import Table

__all__ = [
    "Arrays",
    "Data",
    "DensitySource",
    "Digits",
    "File",
    "Folder",
    "GlobalContrast",
    "Images",
    "NAMES",
    "Source",
    "Table",
    "TableSchema",
    "TensorSource",
    "data_dir",
    "find",
    "open_source",
    "read_table",
]
