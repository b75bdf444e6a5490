"""From a configuration to a running store: the one place that stacks layers."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from storage_plugins import preflight, registry
from storage_plugins.a1 import MasterKeys
from storage_plugins.backend import Backend
from storage_plugins.config.model import Model
from storage_plugins.config.orthanc import SECTION, OrthancConfiguration
from storage_plugins.config.section import Section
from storage_plugins.config.validate import validate
from storage_plugins.errors import ConfigInvalid, StorageFull, Unavailable
from storage_plugins.keys import Layout, Naming
from storage_plugins.layers.cache import CacheLayer
from storage_plugins.layers.circuit_breaker import CircuitBreakerLayer
from storage_plugins.layers.decrypt import DecryptLayer
from storage_plugins.layers.delayed_deletion import DelayedDeletionLayer
from storage_plugins.layers.metrics import MetricsLayer
from storage_plugins.layers.read_only import ReadOnlyLayer
from storage_plugins.layers.renamed import RenamedLayer
from storage_plugins.layers.retry import RetryLayer
from storage_plugins.layers.second_choice import SecondChoiceLayer
from storage_plugins.layers.write_behind import WriteBehindLayer
from storage_plugins.metrics import Metrics
from storage_plugins.store import Store

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Plan:
    """A checked configuration: what will run, before anything is opened."""

    section: Section
    naming: Naming
    backend: type[Backend]
    options: Model
    folder: Model | None
    """Options of the backend `local` for Orthanc's own folder, when attachments may be there too."""

    master_keys: MasterKeys | None
    """When attachments are encrypted."""

    remarks: tuple[str, ...] = ()
    """What the administrator should know of this configuration."""

    def open_backend(self) -> Backend:
        """Opens the medium without any layer, for tools."""
        return self.backend(self.options)


def plan(configuration: OrthancConfiguration) -> Plan:
    """Checks the section `StoragePlugins`, or what takes its place. Raises ConfigInvalid, which names the key."""
    given = configuration.section()
    try:
        return _plan(given.section, given.remarks, configuration)
    except ConfigInvalid as error:
        raise ConfigInvalid(given.in_their_words(str(error))) from error


def _plan(given: Any, remarks: tuple[str, ...], configuration: OrthancConfiguration) -> Plan:
    section = validate(Section, given, SECTION, configuration)
    try:
        backend = registry.find(section.backend)
    except ConfigInvalid as error:
        msg = f"{SECTION}.Backend: {error}"
        raise ConfigInvalid(msg) from error
    raw: dict[str, Any] = section.options
    options = validate(backend.Options, raw, f"{SECTION}.Options", configuration)
    for key, wanted in (
        ("Cache", section.cache),
        ("WriteBehind", section.write_behind),
        ("DelayedDeletion", section.delayed_deletion),
        ("HybridMode", section.hybrid_mode != "Disabled"),
    ):
        if wanted and not backend.remote:
            msg = f"{SECTION}.{key}: needs a backend behind a network, and {section.backend} is not one"
            raise ConfigInvalid(msg)
    folder = None
    if section.hybrid_mode != "Disabled":
        folder = validate(registry.find("local").Options, {}, SECTION, configuration)
    keys = None
    if section.encrypted and section.storage_encryption is not None:
        try:
            keys = MasterKeys.load(section.storage_encryption.files)
        except ConfigInvalid as error:
            msg = f"{SECTION}.StorageEncryption: {error}"
            raise ConfigInvalid(msg) from None
    naming = Naming(section.layout or backend.layout, section.prefix, encrypted=keys is not None)
    return Plan(section, naming, backend, options, folder, keys, remarks)


def open_store(chosen: Plan, metrics: Metrics) -> Store:
    """Opens the medium and stacks the layers.

    The order is fixed, from the inside out: what stands between us and a medium behind a network; decryption, so that
    all disks below hold stored bytes; the second places where an attachment may be; the refusal of writes; metrics,
    which shall see what Orthanc sees.
    """
    section, naming = chosen.section, chosen.naming
    with ExitStack() as opened:
        backend = opened.enter_context(chosen.open_backend())
        store: Store = backend
        if backend.remote:
            if section.preflight:
                _preflight(chosen, backend)
            store = _over_network(chosen, backend, metrics, opened)
        if chosen.master_keys is not None:
            store = DecryptLayer(store, chosen.master_keys)
        if section.enable_legacy_unknown_files:
            store = SecondChoiceLayer(store, RenamedLayer(store, naming.unknown_twin))
        if chosen.folder is not None:
            files = opened.enter_context(_open_folder(chosen, chosen.folder))
            to_files = section.hybrid_mode == "WriteToFileSystem"
            store = SecondChoiceLayer(files, store) if to_files else SecondChoiceLayer(store, files)
        if section.read_only:
            store = ReadOnlyLayer(store)
        opened.pop_all()
    return MetricsLayer(store, metrics)


def _over_network(chosen: Plan, backend: Backend, metrics: Metrics, opened: ExitStack) -> Store:
    """What makes distance and outages bearable, from the inside out.

    Retries; the circuit breaker, which counts calls that failed with all of them; delayed deletion; the cache;
    write-behind, whose uploads fill the cache.
    """
    section = chosen.section
    store: Store = RetryLayer(backend, section.retry)
    if section.circuit_breaker.failures:
        store = CircuitBreakerLayer(
            store, section.circuit_breaker, lambda: preflight.miss(backend, chosen.naming.prefix)
        )
        metrics.watch("circuit_breaker", store.report)
    if section.delayed_deletion is not None:
        store = opened.enter_context(DelayedDeletionLayer(store, section.delayed_deletion))
        metrics.watch("delayed_deletion", store.report)
    keep = None
    if section.cache is not None:
        # What write-behind has uploaded lies on a disk already, and need not be written to one again.
        through = section.cache.write_through and section.write_behind is None
        try:
            cache = CacheLayer(store, section.cache.model_copy(update={"write_through": through}))
        except (StorageFull, Unavailable) as error:
            _log.warning("%s. Orthanc runs without a cache until it is started again", error)
        else:
            store = opened.enter_context(cache)
            metrics.watch("cache", cache.report)
            keep = cache.keep if section.cache.write_through else None
    if section.write_behind is not None:
        store = opened.enter_context(WriteBehindLayer(store, section.write_behind, keep))
        metrics.watch("write_behind", store.report)
    return store


def _preflight(chosen: Plan, backend: Backend) -> None:
    section = chosen.section
    # With few attempts: who starts Orthanc waits for the reason.
    patient = RetryLayer(backend, section.retry.model_copy(update={"attempts": 3}))
    try:
        preflight.run(patient, chosen.naming.prefix, read_only=section.read_only)
    except Unavailable as error:
        if section.write_behind is None:
            raise
        _log.warning("%s. Orthanc starts all the same: what it stores waits in WriteBehind.Path", error)


def _open_folder(chosen: Plan, options: Model) -> Store:
    """Orthanc's own folder: its files were never encrypted, or by an official plugin."""
    files: Store = registry.find("local")(options)
    if chosen.master_keys is not None:
        files = DecryptLayer(files, chosen.master_keys, plain=True)
    theirs = Naming(Layout.LEGACY)

    def rename(key: str) -> str | None:
        attachment = chosen.naming.attachment(key)
        return None if attachment is None else theirs.key(attachment.uuid, attachment.content_type or 0)

    return RenamedLayer(files, rename)
