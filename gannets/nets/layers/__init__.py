"""The parts of nets, one idea a file."""

from gannets.nets.layers.batch_norm import GroupBatchNorm, synchronise
from gannets.nets.layers.conditional import ClassConcat, ConditionalBatchNorm2d, Projection
from gannets.nets.layers.deconv import UntiedDeconv2d
from gannets.nets.layers.dropout import Dropout, attach
from gannets.nets.layers.maxout import Maxout, MaxoutConv2d
from gannets.nets.layers.spectral import spectral

__all__ = [
    "ClassConcat",
    "ConditionalBatchNorm2d",
    "Dropout",
    "GroupBatchNorm",
    "Maxout",
    "MaxoutConv2d",
    "Projection",
    "UntiedDeconv2d",
    "attach",
    "spectral",
    "synchronise",
]
