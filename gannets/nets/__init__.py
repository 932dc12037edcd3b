"""The nets of both players: frozen descriptions, built into modules."""

from gannets.nets.dcgan import DCGAN
from gannets.nets.description import DiscriminatorNet, GeneratorNet, build, build_net
from gannets.nets.initialisation import Init, NormalInit, TorchInit, UniformInit
from gannets.nets.maxout import MaxoutMLP
from gannets.nets.mlp import MLP

__all__ = [
    "DCGAN",
    "MLP",
    "DiscriminatorNet",
    "GeneratorNet",
    "Init",
    "MaxoutMLP",
    "NormalInit",
    "TorchInit",
    "UniformInit",
    "build",
    "build_net",
]
