"""What is wrong with a run: the front door of `gannets.diagnosis`.

finding = diagnose("runs/00000-digits")
print(finding.symptom, finding.sentence, finding.remedies)
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from gannets.diagnosis import Finding
from gannets.errors import InputError
from gannets.training.run import Run
from gannets.training.subject import is_run

__all__ = ["diagnose"]


def diagnose(
    run: Run | str | Path,
    *,
    against: Any = None,
    device: str | torch.device = "cpu",
    copies: bool = True,
    seed: int = 0,
) -> Finding:
    """What is the matter with a run, or that nothing is: symptom, evidence, and the change to try.

    It reads what was recorded as the run was played, `probes.jsonl`. A run without is looked at
    anew from the checkpoints that it has kept. Where a verdict hangs on it, copies of D are trained
    against G as the last checkpoint has it (`copies=False`: never; the verdict then says what
    cannot be told).

    `against` are other real samples than those the data held out: an array, a path, the name of a
    data set, as in `evaluate`. The checkpoints are then looked at anew. `device` is where nets
    compute, `seed` is of all that is drawn anew. The run is only read. Raises `InputError` where
    there is no run, or nothing to look at; "cannot tell, because ..." is a finding.
    """
    if not is_run(run):
        raise InputError(f"{run!s:.200} is no run directory: it has no recipe.txt.")
    whole = run if isinstance(run, Run) else Run(run)
    return whole.diagnose(against=against, device=device, copies=copies, seed=seed)
