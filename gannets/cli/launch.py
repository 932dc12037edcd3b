"""`--processes N`: the same command in N processes of one machine, under torch's elastic agent.

The agent gives each its number, stops all of them when one dies, and starts them again, from the
last checkpoint, as often as `--max-restarts` says. torchrun does the same across machines.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gannets.errors import InputError, StoppedError

if TYPE_CHECKING:
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure

__all__ = ["is_follower", "launch", "restarted"]

LAUNCHED = "GANNETS_LAUNCHED"
"""Set for the processes that this one has started: it speaks for them where one of them dies."""


def launch(words: Sequence[str], *, run: Path, processes: int, restarts: int) -> int:
    """Run `gannets train WORDS` in `processes` processes that share the run directory `run`."""
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    if "WORLD_SIZE" in os.environ:
        raise InputError(
            "This process was started by a launcher already: leave --processes out under torchrun."
        )
    if processes < 1 or restarts < 0:
        raise InputError(
            f"--processes takes 1 or more, --max-restarts 0 or more, not {processes}, {restarts}."
        )
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // processes)))
    os.environ[LAUNCHED] = "1"
    # Processes that were started again must not find the addresses of those before them.
    os.environ.setdefault("TORCH_DISABLE_SHARE_RDZV_TCP_STORE", "1")
    logging.disable(logging.ERROR)  # what the agent sees is said here, in a sentence
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=processes,
        run_id=uuid.uuid4().hex,
        rdzv_backend="c10d",
        rdzv_endpoint="127.0.0.1:0",
        local_addr="127.0.0.1",
        max_restarts=restarts,
        monitor_interval=0.2,
    )
    try:
        elastic_launch(config, sys.executable)("-m", "gannets", "train", *words)
    except ChildFailedError as error:
        return _explain(error, run=run, processes=processes)
    except SignalException as error:
        return 128 + int(error.sigval)
    finally:
        logging.disable(logging.NOTSET)
        del os.environ[LAUNCHED]
    return 0


def _explain(error: ChildFailedError, *, run: Path, processes: int) -> int:
    # Who was killed tells more than who lost the connection to him, or whom the agent then ended.
    killed = [
        (rank, failure)
        for rank, failure in error.failures.items()
        if failure.exitcode < 0 and failure.exitcode != -signal.SIGTERM
    ]
    rank, failure = min(killed, key=_when) if killed else error.get_first_failure()
    code = failure.exitcode
    if code in (1, 2):  # it has said itself what is wrong
        return code
    how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
    resume = f" Continue with gannets train --resume {run}." if run.exists() else ""
    raise StoppedError(
        f"Process {rank} of {processes} {how}, so the others were stopped.{resume} "
        "With --max-restarts N this happens by itself, N times."
    )


def _when(failure: tuple[int, ProcessFailure]) -> int:
    return failure[1].timestamp


def is_follower() -> bool:
    """Whether this process is one of several, and not the first, which speaks for them."""
    return os.environ.get("RANK", "0") != "0"


def restarted() -> bool:
    """Whether the agent has started this process again."""
    return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) > 0
