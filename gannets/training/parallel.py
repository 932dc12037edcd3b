"""Several processes on one game: joining the group, and making sure that it stays one.

`torchrun`, `gannets train --processes N` and SLURM describe the group in the environment. The
processes hold the same parameters and move by the same gradients (see `gannets.game.group`);
`same_everywhere` compares checksums now and then and names the first tensor that differs.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import NoReturn

import torch
import torch.distributed as dist
from torch import Tensor

from gannets.errors import InputError, StoppedError
from gannets.game import ALONE, Group

__all__ = [
    "anyone",
    "joined",
    "leave",
    "local_device",
    "same_everywhere",
    "size_from_environment",
]

TIMEOUT = timedelta(minutes=10)
PAUSE = 3.0
SLURM = {"RANK": "SLURM_PROCID", "WORLD_SIZE": "SLURM_NTASKS", "LOCAL_RANK": "SLURM_LOCALID"}


def size_from_environment(environment: Mapping[str, str] = os.environ) -> int:
    """How many processes the launcher has started, 1 without a launcher."""
    return _number("WORLD_SIZE", environment) or 1


@contextmanager
def joined(*, device: torch.device, environment: Mapping[str, str] = os.environ) -> Iterator[Group]:
    """Join the group that the launcher describes; without one, be alone."""
    size = size_from_environment(environment)
    if size == 1:
        yield ALONE
        return
    rank = _number("RANK", environment)
    if rank is None or not 0 <= rank < size:
        raise InputError(
            f"The environment speaks of {size} processes and gives this one the number {rank}: "
            "start them with torchrun, or with gannets train --processes N."
        )
    for name in ("MASTER_ADDR", "MASTER_PORT"):
        if name not in environment:
            raise InputError(f"{name} is not set: it says where the {size} processes meet.")
    # gloo as well as nccl: what concerns the processes and not the game stays on the CPU.
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    dist.init_process_group(backend, rank=rank, world_size=size, timeout=TIMEOUT)
    try:
        yield Group(rank, size)
    except (InputError, StoppedError):
        if rank > 0:  # whoever ends first has the others ended: the first process is to speak
            time.sleep(PAUSE)
        raise
    except RuntimeError as error:
        if not _is_lost(error):
            raise
        if "GANNETS_LAUNCHED" in environment:  # who started this process knows more, and says it
            raise SystemExit(1) from None
        raise StoppedError(
            f"Process {rank} of {size} lost the connection to the others, of which one has ended "
            "or does not answer. Resume the run: it goes on from its last checkpoint."
        ) from error
    finally:
        dist.destroy_process_group()


def leave(code: int) -> NoReturn:
    """End this process, which was one of a group, once everything it said has been written.

    A thread of gloo's that still holds a tensor while the interpreter is taken down asks for a lock
    that there is no longer, and aborts a process whose work is done. So it is not taken down.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _is_lost(error: RuntimeError) -> bool:
    """Whether it says that another process does not answer: gloo has no class for that."""
    return isinstance(error, dist.DistError) or "gloo" in str(error)


def local_device(device: str, environment: Mapping[str, str] = os.environ) -> str:
    """The device of this process: with several on a machine, each takes a GPU of its own."""
    local = _number("LOCAL_RANK", environment)
    if local is None or device not in ("auto", "cuda") or not torch.cuda.is_available():
        return device
    return f"cuda:{local % torch.cuda.device_count()}"


def anyone(flag: bool, group: Group) -> bool:
    """Whether any process raises its flag, so that all of them stop at the same update."""
    if group.alone:
        return flag
    raised = torch.tensor(int(flag))
    dist.all_reduce(raised)
    return bool(raised)


def same_everywhere(tensors: Mapping[str, Tensor], group: Group) -> None:
    """Raise `StoppedError` naming the first tensor that is not the same, bit for bit, on all ranks.

    The checksum of a tensor is the sum of its bit patterns, so that NaN equals NaN.
    """
    if group.alone:
        return
    names = sorted(tensors)  # a file gives its tensors in any order, another one on each process
    sums = torch.stack([_checksum(tensors[name]) for name in names])
    everybodys = group.gather(sums[None])
    differs = (everybodys != everybodys[:1]).any(dim=0)
    if bool(differs.any()):
        name = names[int(differs.nonzero()[0])]
        ranks = (everybodys != everybodys[:1]).any(dim=1).nonzero().flatten().tolist()
        raise StoppedError(
            f"The processes have drifted apart: {name!r} of rank {ranks[0]} differs from rank 0's. "
            "Something in the recipe draws random numbers or reads data that they do not share."
        )


def _checksum(tensor: Tensor) -> Tensor:
    bits = {8: torch.int64, 4: torch.int32, 2: torch.int16, 1: torch.uint8}[tensor.element_size()]
    return tensor.detach().contiguous().view(bits).sum(dtype=torch.int64)


def _number(name: str, environment: Mapping[str, str]) -> int | None:
    # SLURM sets its variables for a single task too, also where a shell merely runs inside a job.
    text = environment.get(name)
    if text is None and int(environment.get("SLURM_STEP_NUM_TASKS", "1") or 1) > 1:
        text = environment.get(SLURM.get(name, ""))
    try:
        return None if text is None else int(text)
    except ValueError:
        raise InputError(f"{name} is {text!r} in the environment, which is no number.") from None
