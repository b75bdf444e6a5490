"""The life of the Python side inside Orthanc: one call of `storage_python_main`, on a thread that the shim made."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

from _orthanc_storage_shim import ffi, lib

from storage_plugins import compose, reports
from storage_plugins.bridge import coexistence, logs
from storage_plugins.bridge.files import DirectFiles
from storage_plugins.bridge.requests import Requests
from storage_plugins.config.orthanc import SECTION, OrthancConfiguration
from storage_plugins.errors import StoreError
from storage_plugins.metrics import Metrics

_log = logging.getLogger(__name__)

# Vendor SDKs and TLS go deep; Orthanc's own threads, with 100 KiB, would not survive them.
_WORKER_STACK = 4 << 20

# Of StopTimeout; the rest is for closing the store.
_SHARE_OF_WORKERS = 0.8


@ffi.def_extern()
def storage_python_main() -> None:
    """Starts the store and its workers, serves the control channel until Orthanc stops, and closes the store."""
    logs.install()
    try:
        _run()
    except StoreError as error:
        _log.error("%s", error)
        _log.error("Orthanc does not start with a storage area that does not work")
        lib.storage_started(lib.STORAGE_START_FAILED, 0)
    except BaseException:  # noqa: BLE001 - Orthanc waits for an answer
        _log.exception("The storage area failed")
        lib.storage_started(lib.STORAGE_START_FAILED, 0)


def _run() -> None:
    configuration = OrthancConfiguration.from_host(
        _text(lib.storage_configuration()), _text(lib.storage_configuration_path())
    )
    if not configuration.has_section():
        _log.warning('The configuration has no section "%s": Orthanc keeps using its own storage', SECTION)
        lib.storage_started(lib.STORAGE_START_DISABLED, 0)
        return
    plan = compose.plan(configuration)
    for remark in plan.remarks:
        _log.warning("%s", remark)
    coexistence.check(configuration, _text(lib.storage_plugin_path()))
    metrics = Metrics()
    with compose.open_store(plan, metrics) as store:
        files = DirectFiles(store, plan.naming)

        def status() -> dict[str, Any]:
            files.count(metrics)
            return {"Backend": plan.section.backend, **reports.for_people(metrics.reports())}

        workers = _start_workers(Requests(store, plan.naming, status), plan.section.workers)
        _log.warning(
            "Storage area: backend %s, layout %s, %d workers", plan.section.backend, plan.naming.layout, len(workers)
        )
        lib.storage_started(lib.STORAGE_START_READY, int(plan.section.stop_timeout * 1000))
        while lib.storage_control() != lib.STORAGE_CONTROL_STOP:
            files.count(metrics)
            for name, value in metrics.snapshot().items():
                lib.storage_set_metric(name.encode(), value)
        _join(workers, plan.section.stop_timeout * _SHARE_OF_WORKERS)


def _start_workers(requests: Requests, count: int) -> list[threading.Thread]:
    before = threading.stack_size(_WORKER_STACK)
    try:
        workers = [threading.Thread(target=requests.serve, name=f"storage-{i}", daemon=True) for i in range(count)]
        for worker in workers:
            worker.start()
    finally:
        threading.stack_size(before)
    return workers


def _join(workers: list[threading.Thread], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    for worker in workers:
        worker.join(max(0.0, deadline - time.monotonic()))
    busy = sum(worker.is_alive() for worker in workers)
    if busy:
        _log.warning("%d requests were still running after %g seconds: they are left behind", busy, seconds)


def _text(pointer: object) -> str:
    return ffi.string(pointer).decode()
