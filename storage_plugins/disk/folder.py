"""What a folder of this machine needs before it can be relied upon: one owner, and names that a power cut leaves."""

from __future__ import annotations

import fcntl
import os
import time

from storage_plugins.errors import ConfigInvalid, from_os_error

_LOCK = ".lock"
_PATIENCE = 0.5


def sync_folder(folder: str) -> None:
    """Forces the names in a folder to the disk. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class OwnedFolder:
    """A folder that one process uses at a time. The kernel gives it back when the process ends, however it does."""

    def __init__(self, path: str, setting: str) -> None:
        """Makes the folder when it is not there. `setting`: the key of the configuration that names it.

        Raises ConfigInvalid when another process has the folder, AccessDenied and others when it cannot be written.
        """
        self.path = path
        try:
            os.makedirs(path, mode=0o700, exist_ok=True)
            self._descriptor = os.open(os.path.join(path, _LOCK), os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise from_os_error(error, f"{setting}: cannot use the folder {path}") from error
        if not self._lock():
            os.close(self._descriptor)
            msg = f"{setting}: another process uses the folder {path}. Give each Orthanc a folder of its own"
            raise ConfigInvalid(msg)

    def _lock(self) -> bool:
        # Who only asks whether it is owned holds it for a moment, which must not refuse Orthanc's start.
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                if time.monotonic() >= deadline:
                    return False
                time.sleep(0.01)
            else:
                return True

    def release(self) -> None:
        """Lets another process have it."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def is_owned(path: str) -> bool:
    """Whether a process uses the folder now."""
    try:
        descriptor = os.open(os.path.join(path, _LOCK), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False
