"""Inception v3 as FID has it: the graph of 2015, its weights, TensorFlow's resize.

Szegedy et al. (2016), "Rethinking the Inception architecture", trained at Google in December 2015
with 1,008 outputs. Heusel et al. (2017) take the 2,048 numbers of its last average pool. FID is a
Fréchet distance through exactly these weights after exactly this resize; anything else is another
metric, and is not called FID here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import safetensors.torch
import torch
from jaxtyping import Float
from torch import Tensor

from gannets.errors import InputError
from gannets.files import digest
from gannets.metrics.features.inception_net import InceptionNet
from gannets.metrics.features.resize import pil_bicubic, tf1_bilinear
from gannets.metrics.samples import Samples

__all__ = ["Inception", "InceptionFeatures"]

FILE = "pt_inception-2015-12-05-6726825d.pth"
SHA256 = "6726825d"
"""The first 8 digits of the SHA-256 of the public file, which are in its name."""
SIZE = "about 91 MiB"
SIDE = 299
AT_ONCE = 25
TITLES = {"FD": "FID", "KD": "KID", "CS": "IS", "FD_inf": "FID_inf"}


@dataclass(frozen=True)
class Inception:
    """Features of the Inception net whose weights are in the file `path`, (n, 2048).

    A `.pth` file is read without unpickling any code; a `.safetensors` file with the same names
    will do too. `resize` is "tf1", FID's own, or "bicubic", Pillow's. Only the public file, known
    by its SHA-256, with the resize "tf1" gives numbers that are called FID, KID and IS.
    """

    path: str
    resize: Literal["tf1", "bicubic"] = "tf1"

    def build(self, real: Samples, *, device: torch.device) -> InceptionFeatures:
        """Read and verify the weights."""
        if not real.are_images or real.event[0] not in (1, 3):
            raise InputError(
                f"Inception sees grey or RGB images, and {real.name} have shape {real.event}: "
                "choose `auto`."
            )
        path = Path(self.path).expanduser()
        if not path.is_file():
            raise InputError(
                f"There is no file {self.path}. FID needs the weights {FILE} ({SIZE}, SHA-256 "
                f"{SHA256}...), which gannets never downloads: pytorch-fid publishes them with its "
                "releases and keeps them in ~/.cache/torch/hub/checkpoints. Give its path as "
                "inception:PATH."
            )
        sha = digest(path)
        known = sha.startswith(SHA256)
        if SHA256 in path.name and not known:
            raise InputError(
                f"{self.path} is damaged: its SHA-256 begins with {sha[:8]}, and that of the file "
                f"of this name with {SHA256}. Fetch it again."
            )
        net = _net(path).to(device)
        titles = TITLES if known and self.resize == "tf1" else {}
        return InceptionFeatures(net, sha[:8], real.event, self.resize, device, titles)


@dataclass(frozen=True, eq=False)
class InceptionFeatures:
    """The net with its weights: features for distances, probabilities for a classifier score."""

    net: InceptionNet
    sha: str
    event: tuple[int, ...]
    resize: Literal["tf1", "bicubic"]
    device: torch.device
    titles: Mapping[str, str] = field(default_factory=dict)
    classes: int = 1008

    @property
    def id(self) -> str:
        """The first 8 digits of the SHA-256 of the file of weights."""
        return f"inception:{self.sha}"

    @property
    def preprocessing(self) -> str:
        """Levels, colours, resize."""
        c, h, w = self.event
        grey = ", grey repeated to RGB" if c == 1 else ""
        return f"rounded to 256 levels{grey}, {h}x{w} to {SIDE}x{SIDE} by {self.resize}"

    def __call__(self, x: Float[Tensor, "m c h w"]) -> Float[Tensor, "m 2048"]:
        """The last average pool."""
        return torch.cat([self._pool(part).double().cpu() for part in x.split(AT_ONCE)])

    def probabilities(self, x: Float[Tensor, "m c h w"]) -> Float[Tensor, "m 1008"]:
        """p(y | x), as the Inception score of Salimans et al. (2016) has it: without the biases."""
        weight = self.net.fc.weight
        parts = [(self._pool(part) @ weight.T).double().softmax(1) for part in x.split(AT_ONCE)]
        return torch.cat([part.cpu() for part in parts])

    def _pool(self, x: Tensor) -> Tensor:
        levels = (x.to(self.device).float() * 255).round().clamp(0, 255)
        if levels.shape[1] == 1:
            levels = levels.expand(-1, 3, -1, -1)
        if self.resize == "tf1":
            resized = tf1_bilinear(levels, (SIDE, SIDE))
        else:
            resized = pil_bicubic(levels, (SIDE, SIDE)).clamp(0, 255)
        with torch.no_grad():
            return self.net((resized - 128) / 128)


def _net(path: Path) -> InceptionNet:
    """The net with the weights of the file, every one of them."""
    try:
        if path.suffix == ".safetensors":
            state = safetensors.torch.load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
        if not isinstance(state, Mapping):
            raise TypeError(f"it holds a {type(state).__name__}")
        with torch.device("meta"):
            net = InceptionNet()
        # Files converted early lack the counters of batches, which nothing reads.
        counters = {name: torch.tensor(0) for name in net.state_dict() if name.endswith("tracked")}
        net.load_state_dict({**counters, **state}, assign=True)
    except Exception as error:  # whatever an unknown file makes the readers raise
        raise InputError(
            f"{path} holds no weights of FID's Inception ({str(error).splitlines()[0][:200]}): "
            f"give {FILE}."
        ) from None
    return net.float().eval().requires_grad_(False)
