"""The nets of both players: frozen descriptions, built into modules."""

from gannets.nets.dcgan import DCGAN
from gannets.nets.deconv import DeconvMLP
from gannets.nets.description import DiscriminatorNet, GeneratorNet, build, build_net
from gannets.nets.initialisation import (
    Biased,
    Init,
    NormalInit,
    SparseInit,
    TorchInit,
    UniformInit,
)
from gannets.nets.maxout import MaxoutMLP
from gannets.nets.maxout_conv import MaxoutCNN, MaxoutStage
from gannets.nets.mlp import MLP
from gannets.nets.stacked import Stacked

__all__ = [
    "DCGAN",
    "MLP",
    "Biased",
    "DeconvMLP",
    "DiscriminatorNet",
    "GeneratorNet",
    "Init",
    "MaxoutCNN",
    "MaxoutMLP",
    "MaxoutStage",
    "NormalInit",
    "SparseInit",
    "Stacked",
    "TorchInit",
    "UniformInit",
    "build",
    "build_net",
]
