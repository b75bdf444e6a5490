"""Many requests at once."""

from __future__ import annotations

import threading
import time

from storage_plugins.errors import StoreError
from storage_plugins.store import Store


def hammer(store: Store, seconds: float, threads: int = 6) -> list[StoreError]:
    """Writes from several threads, at least once each. Returns what failed."""
    failed = list[StoreError]()
    end = time.monotonic() + seconds

    def work(number: int) -> None:
        while True:
            try:
                store.put(f"x{number}", b"1")
            except StoreError as error:
                failed.append(error)
            if time.monotonic() >= end:
                return

    running = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return failed
