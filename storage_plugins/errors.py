"""What can go wrong in a store, grouped by what the caller can do about it.

An adapter turns every error of its medium into one of these. The message names the object and says what was expected
and what to do; it never holds a secret or anything about a patient.
"""

from __future__ import annotations

import errno
from types import TracebackType


class StoreError(Exception):
    """Base of all errors of a store."""

    retryable: bool = False
    """Whether the same call may succeed when it is made again a little later."""

    retry_after: float | None = None
    """Seconds that the medium asks to wait before that."""

    def __init__(self, message: str = "", *, retryable: bool | None = None, retry_after: float | None = None) -> None:
        """`retryable`: where this error differs from others of its kind."""
        super().__init__(message)
        if retryable is not None:
            self.retryable = retryable
        self.retry_after = retry_after


class NotFound(StoreError):
    """There is no object with this key."""


class RangeInvalid(StoreError):
    """The range starts or ends past the end of the object."""


class KeyInvalid(StoreError):
    """The key, or the uuid it was to be made of, is not one that a store accepts."""


class AccessDenied(StoreError):
    """The medium refuses: credentials, permissions or a policy."""


class ConfigInvalid(StoreError):
    """The configuration is wrong. Orthanc must not start with it."""


class Archived(StoreError):
    """The object lies in an archive tier and must be restored before it can be read."""


class Corrupt(StoreError):
    """The medium gave other bytes than were stored, or fewer."""


class StorageFull(StoreError):
    """There is no room left, or a quota is used up."""


class Unavailable(StoreError):
    """The medium does not answer, or not now: network, throttling, a failing disk, a closed store."""

    retryable = True


ALL: tuple[type[StoreError], ...] = (
    NotFound,
    RangeInvalid,
    KeyInvalid,
    AccessDenied,
    ConfigInvalid,
    Archived,
    Corrupt,
    StorageFull,
    Unavailable,
)
"""Every kind of error, for tables that must be complete."""

_BY_ERRNO: dict[int, type[StoreError]] = {
    errno.ENOENT: NotFound,
    errno.ENOTDIR: NotFound,
    errno.EISDIR: NotFound,
    errno.EACCES: AccessDenied,
    errno.EPERM: AccessDenied,
    errno.EROFS: AccessDenied,
    errno.ENOSPC: StorageFull,
    errno.EDQUOT: StorageFull,
    errno.EFBIG: StorageFull,
    errno.ENAMETOOLONG: KeyInvalid,
}


def from_os_error(error: OSError, subject: str) -> StoreError:
    """The StoreError that fits an OSError. `subject` says what was being done to which object."""
    if error.errno is None:
        # Libraries raise the subclasses without a number.
        for builtin, kind in ((FileNotFoundError, NotFound), (PermissionError, AccessDenied)):
            if isinstance(error, builtin):
                return kind(f"{subject}: {error}")
        return Unavailable(f"{subject}: {error or type(error).__name__}")
    return _BY_ERRNO.get(error.errno, Unavailable)(f"{subject}: {error.strerror or error}")


class os_errors:  # noqa: N801 - used like a function
    """Turns an OSError in the body into a StoreError that names the verb and the key.

    A class, because a generator would cost each call as much as a system call.
    """

    __slots__ = ("_key", "_verb")

    def __init__(self, verb: str, key: str) -> None:
        self._verb = verb
        self._key = key

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, OSError):
            raise from_os_error(error, f"cannot {self._verb} object {self._key!r}") from error
