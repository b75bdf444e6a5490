"""From a configuration to a running store: the one place that stacks layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from storage_plugins import preflight, registry
from storage_plugins.backend import Backend
from storage_plugins.config.model import Model, Section
from storage_plugins.config.orthanc import SECTION, OrthancConfiguration
from storage_plugins.config.validate import validate
from storage_plugins.errors import ConfigInvalid
from storage_plugins.keys import Naming
from storage_plugins.layers.metrics import MetricsLayer
from storage_plugins.layers.retry import RetryLayer
from storage_plugins.metrics import Metrics
from storage_plugins.store import Store


@dataclass(frozen=True, slots=True)
class Plan:
    """A checked configuration: what will run, before anything is opened."""

    section: Section
    naming: Naming
    backend: type[Backend]
    options: Model
    remarks: tuple[str, ...] = ()
    """What the administrator should know of this configuration."""

    def open_backend(self) -> Backend:
        """Opens the medium without any layer, for tools."""
        return self.backend(self.options)


def plan(configuration: OrthancConfiguration) -> Plan:
    """Checks the section `StoragePlugins`. Raises ConfigInvalid with one message that names the key."""
    given = configuration.section()
    section = validate(Section, given.section, SECTION, configuration)
    try:
        backend = registry.find(section.backend)
    except ConfigInvalid as error:
        msg = f"{SECTION}.Backend: {error}"
        raise ConfigInvalid(msg) from error
    raw: dict[str, Any] = section.options
    options = validate(backend.Options, raw, f"{SECTION}.Options", configuration)
    naming = Naming(section.layout or backend.layout, section.prefix)
    return Plan(section, naming, backend, options, given.remarks)


def open_store(chosen: Plan, metrics: Metrics) -> Store:
    """Opens the medium and stacks the layers.

    The order is fixed, from the inside out: the backend; retries, if something is between us and the medium that may
    come back; metrics, which shall see what Orthanc sees.
    """
    backend = chosen.open_backend()
    if backend.remote and chosen.section.preflight:
        _preflight(backend, chosen)
    store: Store = RetryLayer(backend, chosen.section.retry) if backend.remote else backend
    return MetricsLayer(store, metrics)


def _preflight(backend: Backend, chosen: Plan) -> None:
    """With few attempts: who starts Orthanc waits for the reason."""
    patient = RetryLayer(backend, chosen.section.retry.model_copy(update={"attempts": 3}))
    try:
        preflight.run(patient, chosen.naming.prefix)
    except BaseException:
        backend.close()
        raise
