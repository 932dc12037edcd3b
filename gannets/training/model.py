"""A trained generator by itself: what is shipped, loaded and sampled from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import gannets
from gannets.errors import InputError
from gannets.game import Prior, Space, Stream
from gannets.nets import GeneratorNet, build_net
from gannets.training.files import (
    read_json,
    read_tensors,
    whole_directory,
    write_json,
    write_tensors,
    write_text,
)
from gannets.training.notation import Vocabulary, show
from gannets.training.reading import read
from gannets.training.recipe import Maker

__all__ = ["Model"]

SCHEMA = 1
CHUNK = 1000


@dataclass(frozen=True, eq=False)
class Model:
    """A generator with its prior and the space it maps to."""

    generator: nn.Module
    net: GeneratorNet | Maker
    prior: Prior
    space: Space

    @torch.no_grad()
    def sample(
        self, n: int, *, seed: int = 0, labels: Sequence[int] | Tensor | None = None
    ) -> Tensor:
        """`n` samples in the data's units, (n, *event), on the CPU.

        Sample i is a function of `seed` and i alone: a larger n repeats a smaller one's samples.
        `labels` (n class indices) steers a conditional generator; by default classes take turns.
        """
        if n < 1:
            raise InputError(f"The number of samples must be at least 1, not {n}.")
        weights = next(self.generator.parameters(), torch.empty(0))
        device, dtype = weights.device, weights.dtype
        random = Stream(seed, "sample", device)
        given = self._labels(n, labels)
        self.generator.eval()
        chunks = []
        for index, start in enumerate(range(0, n, CHUNK)):
            z = self.prior(CHUNK, random.at(index))[: n - start].to(dtype)
            y = () if given is None else (given[start : start + len(z)].to(device),)
            chunks.append(self.generator(z, *y).float().cpu())
        return torch.cat(chunks)

    def _labels(self, n: int, labels: Sequence[int] | Tensor | None) -> Tensor | None:
        classes = self.space.classes
        if classes is None:
            if labels is not None:
                raise InputError("This generator knows no classes: sample it without labels.")
            return None
        if labels is None:
            return torch.arange(n) % classes
        given = torch.as_tensor(labels, dtype=torch.int64)
        if given.shape != (n,) or int(given.min()) < 0 or int(given.max()) >= classes:
            raise InputError(f"Give {n} labels from 0 to {classes - 1}, one for each sample.")
        return given

    def save_pretrained(self, path: str | Path, *, card: str = "") -> None:
        """Write `config.json`, `model.safetensors` and `README.md` into the directory `path`."""
        space: dict[str, Any] = asdict(Space(**{**vars(self.space), "mean": None}))
        with whole_directory(Path(path)) as folder:
            digest = write_tensors(folder / "model.safetensors", self.generator.state_dict())
            config = {
                "schema": SCHEMA,
                "library": f"gannets {gannets.__version__}",
                "generator": show(self.net),
                "prior": show(self.prior),
                "space": {key: value for key, value in space.items() if key != "mean"},
                "sha256": digest,
            }
            write_json(folder / "config.json", config)
            write_text(folder / "README.md", card or "A generator trained with gannets.\n")

    @classmethod
    def from_pretrained(
        cls, path: str | Path, *, names: Vocabulary | None = None, device: str = "cpu"
    ) -> Model:
        """Read what `save_pretrained` wrote. `names` adds net descriptions of the caller's own."""
        folder = Path(path)
        config = read_json(folder / "config.json", schema=SCHEMA)
        try:
            net, prior = read(config["generator"], names), read(config["prior"], names)
            space = _space(config["space"])
            digest = config["sha256"]
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(
                f"{folder / 'config.json'} is incomplete or damaged: {error}."
            ) from None
        generator = build_net(net, "generator", space=space, stream=Stream(0, "init"))
        tensors = read_tensors(folder / "model.safetensors", sha256=digest)
        if any(tensor.dtype == torch.float64 for tensor in tensors.values()):
            generator = generator.double()
        try:
            generator.load_state_dict(tensors)
        except RuntimeError:
            raise InputError(
                f"The weights in {folder} are not those of {show(net)} for {space.event}."
            ) from None
        return cls(generator.to(device).eval(), net, prior, space)


def _space(fields: dict[str, Any]) -> Space:
    bounds = fields["bounds"]
    return Space(
        event=tuple(int(size) for size in fields["event"]),
        latent=int(fields["latent"]),
        classes=None if fields["classes"] is None else int(fields["classes"]),
        bounds=None if bounds is None else (float(bounds[0]), float(bounds[1])),
    )
