"""Counters that layers write and Orthanc publishes.

Orthanc's metrics have a name and a number and no labels, so a verb and its outcome are parts of the name.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Final

PREFIX: Final = "storage_plugins"


class Metrics:
    """Named numbers, shared by all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: dict[str, float] = {}
        self._reports: dict[str, Callable[[], Mapping[str, float]]] = {}

    def declare(self, *names: str) -> None:
        """Makes metrics visible as 0 before anything has happened: an absent series cannot raise an alarm."""
        with self._lock:
            for name in names:
                self._values.setdefault(name, 0.0)

    def count(self, names: tuple[str, str, str], seconds: float, size: int, number: int = 1) -> None:
        """Adds calls to metrics that were declared: their number, the time they took, and their bytes."""
        calls, time, length = names
        values = self._values
        with self._lock:
            values[calls] += number
            values[time] += seconds
            values[length] += size

    def watch(self, subject: str, report: Callable[[], Mapping[str, float]]) -> None:
        """Adds what `report` tells when it is asked, as `storage_plugins_<subject>_<name>`."""
        self._reports[subject] = report

    def reports(self) -> dict[str, Mapping[str, float]]:
        """What is watched, by subject, as it is now."""
        return {subject: report() for subject, report in self._reports.items()}

    def snapshot(self) -> dict[str, float]:
        """All metrics as they are now."""
        with self._lock:
            values = dict(self._values)
        for subject, report in self.reports().items():
            values.update((f"{PREFIX}_{subject}_{name}", float(value)) for name, value in report.items())
        return values
