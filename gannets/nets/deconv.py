"""The convolutional generator of Goodfellow et al. (2014): dense layers, then one deconvolution.

h_l = a_l(W_l h_{l-1} + b_l),  h_0 = z;  the last h is read as channels on a grid,
x = s(W^T * h + b), with a bias for every pixel. On CIFAR-10 the authors have 100-8000-8000, read as
80 channels of 10 x 10, and a kernel of 5 x 5 in steps of 3 onto 3 channels of 32 x 32.
"""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor, nn

from gannets.errors import InputError
from gannets.game import Space
from gannets.nets.activation import activation
from gannets.nets.initialisation import Init, TorchInit
from gannets.nets.inputs import check_call, check_image, check_positive
from gannets.nets.layers import ClassConcat, UntiedDeconv2d
from gannets.nets.output import Output, check_output

__all__ = ["DeconvGenerator", "DeconvMLP"]


@dataclass(frozen=True)
class DeconvMLP:
    """A generator of images of any size: dense layers, the last of them a grid, a deconvolution."""

    hidden: tuple[int, ...] = (128,)
    """Units of the dense layers before the grid."""
    channels: int = 16
    """Of the grid, the last dense layer, whose places follow from image, kernel and stride."""
    kernel: int = 5
    stride: int = 3
    activation: str | tuple[str, ...] = "relu"
    """Of all dense layers, or of each, the grid included."""
    output: str = "auto"
    """auto, linear, tanh or sigmoid, see `gannets.nets.output.Output`."""
    init: Init = TorchInit()
    """Of weights and biases."""

    def __post_init__(self) -> None:
        check_positive("DeconvMLP.hidden", self.hidden)
        check_output(self.output)
        for field in ("channels", "kernel", "stride"):
            if getattr(self, field) < 1:
                raise InputError(f"DeconvMLP.{field} must be at least 1: {getattr(self, field)}.")
        if self.stride > self.kernel:
            raise InputError(
                f"DeconvMLP(kernel={self.kernel}, stride={self.stride}) leaves pixels out: take a "
                "stride of at most the kernel."
            )
        for name in self.activations:
            activation(name)
        if len(self.activations) != len(self.hidden) + 1:
            raise InputError(
                f"DeconvMLP has {len(self.hidden) + 1} dense layers, the grid included, but "
                f"{len(self.activations)} activations: give one name for all, or one for each."
            )

    @property
    def activations(self) -> tuple[str, ...]:
        """One name for each dense layer."""
        if isinstance(self.activation, tuple):
            return self.activation
        return (self.activation,) * (len(self.hidden) + 1)

    def generator(self, space: Space) -> DeconvGenerator:
        """G: z, (m, latent), to (m, channels, height, width)."""
        return DeconvGenerator(self, space)


class DeconvGenerator(nn.Module):
    """The generator that a `DeconvMLP` describes."""

    def __init__(self, net: DeconvMLP, space: Space) -> None:
        super().__init__()
        channels, height, width = check_image(space, "DeconvMLP")
        self.latent, self.classes = space.latent, space.classes
        features = space.latent
        # e(y) as wide as z, as in an MLP.
        self.condition = ClassConcat(space.classes, features) if space.classes is not None else None
        features = 2 * features if space.classes is not None else features
        self.last = UntiedDeconv2d(
            net.channels, channels, size=(height, width), kernel=net.kernel, stride=net.stride
        )
        self.shape = (net.channels, *self.last.grid)
        layers: list[nn.Module] = []
        places = self.last.grid[0] * self.last.grid[1]
        for units, name in zip((*net.hidden, net.channels * places), net.activations, strict=True):
            linear = nn.Linear(features, units)
            net.init(linear)
            layers += [linear, activation(name)]
            features = units
        self.hidden = nn.Sequential(*layers)
        net.init(self.last)
        self.output = Output(net.output, space.bounds, net="DeconvMLP")

    def forward(
        self, z: Float[Tensor, "m latent"], y: Int[Tensor, " m"] | None = None
    ) -> Float[Tensor, "m channels height width"]:
        """Images made of z (and of classes y)."""
        check_call(z, y, shape=(self.latent,), classes=self.classes, net="The generator DeconvMLP")
        h = z if self.condition is None else self.condition(z, y)
        x: Tensor = self.output(self.last(self.hidden(h).unflatten(1, self.shape)))
        return x
