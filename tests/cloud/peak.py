"""Reads a large object in a process of its own, twice, and prints the peak of its memory over the idle state, in bytes.

Arguments: name of the server in BACKENDS, options of its backend as JSON, key of the object.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any, cast

from tests.cloud.conftest import BACKENDS


def status(name: str) -> int:
    """Bytes, from /proc."""
    found = re.search(rf"^{name}:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) << 10


def main() -> None:
    """See the module."""
    server, options, key = sys.argv[1:4]
    backend = BACKENDS[server]
    with backend(cast("Any", backend.Options(**json.loads(options)))) as store:
        for _ in range(2):  # the first time, connections and threads are made
            Path("/proc/self/clear_refs").write_text("5")  # forgets the peak
            before = status("VmRSS")
            store.read(key, lambda wanted: memoryview(bytearray(wanted)))
            peak = status("VmHWM") - before
    print(peak)


if __name__ == "__main__":
    main()
