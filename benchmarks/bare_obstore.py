"""obstore without anything around it: what the callbacks are compared with. `callbacks.py` starts it.

A line "bench THREADS CALLS SIZE" on standard input, as the host in C understands it, is answered with one of JSON.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import obstore
from obstore.store import S3Store

_HEADER = 8192  # as in callbacks.c


def open_store(options: dict[str, Any]) -> Any:
    """The bucket that `Options` of the backend `s3` name, with the same options of the client as that backend's."""
    return S3Store(
        options["Bucket"],
        config={
            "region": options["Region"],
            "endpoint": options["Endpoint"],
            "access_key_id": options["AccessKey"],
            "secret_access_key": options["SecretKey"],
            "virtual_hosted_style_request": False,
        },
        client_options={
            "allow_http": True,
            "http1_only": True,
            "connect_timeout": timedelta(seconds=5),
            "timeout": timedelta(seconds=15),
            "pool_max_idle_per_host": "32",
        },
        retry_config={"max_retries": 0, "retry_timeout": timedelta(seconds=1)},
    )


def _verbs(store: Any, data: bytes) -> dict[str, Callable[[str], Any]]:
    return {
        "create": lambda key: obstore.put(store, key, data, use_multipart=False),
        "read": lambda key: obstore.get(store, key).bytes(),
        "range": lambda key: obstore.get_range(store, key, start=0, length=_HEADER),
        "remove": lambda key: obstore.delete(store, key),
    }


def measure(call: Callable[[str], Any], threads: int, calls: int) -> dict[str, float]:
    """One verb by all threads."""
    seconds: list[float] = []

    def work(number: int) -> None:
        for index in range(calls):
            started = time.perf_counter()
            call(f"{number}-{index}")
            seconds.append(time.perf_counter() - started)

    workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    started, cpu = time.perf_counter(), time.process_time()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    elapsed, cpu = time.perf_counter() - started, time.process_time() - cpu
    return {
        "calls_per_second": len(seconds) / elapsed,
        "median_ms": 1000 * statistics.median(seconds),
        "cpu_ms": 1000 * cpu / len(seconds),
    }


def main() -> None:
    """`Options` of the backend come as the only argument."""
    store = open_store(json.loads(sys.argv[1]))
    for line in sys.stdin:
        threads, calls, size = map(int, line.split()[1:])
        answer = {verb: measure(call, threads, calls) for verb, call in _verbs(store, os.urandom(size)).items()}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
