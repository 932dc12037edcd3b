"""The probes of a run as they are read back: every line a probe, each of a later update.

Only what ceased to be finite is noted once more after the update of the probe before it: the update
that failed has not been made.
"""

from __future__ import annotations

from gannets.diagnosis import Probe
from gannets.errors import InputError
from gannets.training.metrics_file import MetricsFile

__all__ = ["probes_in"]


def probes_in(file: MetricsFile) -> list[Probe]:
    """The probes, oldest first. Raises `InputError` that names the first damaged line."""
    found: list[Probe] = []
    for number, line in file.numbered():
        try:
            probe = Probe.from_json(line)
        except InputError as error:
            raise file.damaged(number, f"{str(error).rstrip('.')}; ") from None
        before = found[-1].step if found else -1
        if probe.step < before or (probe.step == before and probe.failed is None):
            raise file.damaged(number, f"its step, {probe.step}, does not follow on {before}; ")
        found.append(probe)
    return found
