"""A trained generator by itself: what is shipped, loaded and sampled from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import gannets
from gannets.errors import InputError
from gannets.files import (
    not_finite,
    read_json,
    read_tensors,
    whole_directory,
    write_json,
    write_tensors,
    write_text,
)
from gannets.game import Prior, Space, Stream
from gannets.nets import GeneratorNet, build_net
from gannets.training.notation import Vocabulary, show
from gannets.training.reading import read
from gannets.training.recipe import Maker

__all__ = ["Model"]

SCHEMA = 1
CHUNK = 1000
LARGEST_EVENT = 2**26


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
            digest = str(config["sha256"])
        except (LookupError, AttributeError, TypeError, ValueError, OverflowError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(
                f"{folder / 'config.json'} is incomplete or damaged: {error}."
            ) from None
        if not isinstance(prior, Prior) or prior.dimension != space.latent:
            raise InputError(f"{folder / 'config.json'} is damaged: its prior is none of its net.")
        tensors = read_tensors(folder / "model.safetensors", sha256=digest)
        double = any(tensor.dtype == torch.float64 for tensor in tensors.values())
        # Compared before anything of the size that the text asks for is made.
        if _layout(net, space, double) != {k: (t.shape, t.dtype) for k, t in tensors.items()}:
            raise InputError(
                f"The weights in {folder} are not those of {show(net)} for {space.event}."
            )
        if (name := not_finite(tensors)) is not None:
            raise InputError(f"The weights in {folder} are damaged: {name} is not finite.")
        generator = _build(net, space, double)
        generator.load_state_dict(tensors)
        return cls(generator.to(device).eval(), net, prior, space)


def _build(net: GeneratorNet | Maker, space: Space, double: bool) -> nn.Module:
    """The net, to be loaded: a mean of the data that its first weights come from is made up."""
    low, high = space.bounds or (0.0, 0.0)
    if not 0 < math.prod(space.event) <= LARGEST_EVENT:
        raise InputError(f"A sample of shape {space.event!s:.60} is none of a model's.")
    # On the CPU, also where the net is only outlined: its numbers are looked at.
    begun = replace(space, mean=torch.full(space.event, (low + high) / 2, device="cpu"))
    module = build_net(net, "generator", space=begun, stream=Stream(0, "init"))
    return module.double() if double else module


def _layout(
    net: GeneratorNet | Maker, space: Space, double: bool
) -> dict[str, tuple[torch.Size, torch.dtype]]:
    """What the weights of a net look like; nothing is allocated for them."""
    try:
        with torch.device("meta"):
            module = _build(net, space, double)
    except (RuntimeError, TypeError, ValueError, OverflowError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{show(net)!s:.200} makes no net for {space.event}.") from None
    return {name: (t.shape, t.dtype) for name, t in module.state_dict().items()}


def _space(fields: dict[str, Any]) -> Space:
    bounds = fields["bounds"]
    return Space(
        event=tuple(int(size) for size in fields["event"]),
        latent=int(fields["latent"]),
        classes=None if fields["classes"] is None else int(fields["classes"]),
        bounds=None if bounds is None else (float(bounds[0]), float(bounds[1])),
    )
