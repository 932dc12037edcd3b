"""Features: how both sides of a comparison are seen. One way of seeing a file."""

from gannets.metrics.features.classifier import (
    Classified,
    OwnClassifier,
    fit_classifier,
    load_classifier,
)
from gannets.metrics.features.discriminator import DiscriminatorFeatures
from gannets.metrics.features.inception import Inception, InceptionFeatures
from gannets.metrics.features.module import OwnFeatures
from gannets.metrics.features.named import Auto, Extractor, extractor
from gannets.metrics.features.pca import PCA
from gannets.metrics.features.pixels import Pixels
from gannets.metrics.features.randconv import RandConv
from gannets.metrics.features.resize import pil_bicubic, tf1_bilinear
from gannets.metrics.features.tabular import Tabular

__all__ = [
    "Auto",
    "Classified",
    "DiscriminatorFeatures",
    "Extractor",
    "Inception",
    "InceptionFeatures",
    "OwnClassifier",
    "OwnFeatures",
    "PCA",
    "Pixels",
    "RandConv",
    "Tabular",
    "extractor",
    "fit_classifier",
    "load_classifier",
    "pil_bicubic",
    "tf1_bilinear",
]
