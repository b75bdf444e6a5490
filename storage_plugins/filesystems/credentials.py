"""Credentials that end: fetched once for all threads, long before the old ones end, and what it means when that fails.

Both engines ask here for every request, or nearly so. While there are credentials in hand nobody waits.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from storage_plugins.filesystems.objects import Failure

_log = logging.getLogger(__name__)

T = TypeVar("T")

REFUSED: Final = "credentials"
"""Code of a failure: whoever gives credentials gives none to us. Asking again will not change that."""

UNREACHABLE: Final = "token service"
"""Code of a failure: whoever gives credentials does not answer, or not now."""

# Seconds before their end at which new ones are fetched. Those of a machine may be the old ones again until 5 minutes.
_AHEAD: Final = 15 * 60
# Seconds before their end after which they are not used any more: a request takes time, and clocks differ.
_MARGIN: Final = 30
# Seconds for which a failure is the answer to everybody: many wait, and the token service shall see one request.
_PAUSE: Final = 1


class CredentialsFailed(Exception):
    """There are no credentials for a request. `failure` has the code REFUSED or UNREACHABLE."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(f"{failure.code} {failure.message}")
        self.failure = failure


def refused(who: str, reason: object) -> CredentialsFailed:
    """`who`: whose credentials, or by which way. `reason`: what was told, without a secret."""
    return CredentialsFailed(Failure(0, REFUSED, f"of {who}: {_line(reason)}"))


def unreachable(who: str, reason: object) -> CredentialsFailed:
    """See `refused`."""
    return CredentialsFailed(Failure(0, UNREACHABLE, f"of {who}: {_line(reason)}"))


def _line(text: object) -> str:
    return " ".join(str(text).split())[:500]


@dataclass(frozen=True, slots=True)
class _Held(Generic[T]):
    """Credentials in hand. Times as `time.time` tells them."""

    value: T
    renew: float
    """When to look for new ones."""

    last: float
    """Until when they are used."""


class Keeper(Generic[T]):
    """Holds credentials and renews them in the background, from many threads.

    A request waits only when there are none that still hold. All who wait get the same answer, also when it is none.
    """

    def __init__(
        self, fetch: Callable[[], tuple[T, float | None]], judge: Callable[[Exception], CredentialsFailed]
    ) -> None:
        """`fetch`: new credentials and their end as `time.time` tells it; None: they last. `judge`: why it failed."""
        self._fetch = fetch
        self._judge = judge
        self._busy = threading.Lock()
        self._held: _Held[T] | None = None
        self._failed: tuple[float, Failure] | None = None

    def get(self) -> T:
        """Credentials for a request that starts now. Raises CredentialsFailed."""
        now = time.time()
        held = self._held
        if held is not None and now < held.last:
            if now >= held.renew and self._busy.acquire(blocking=False):
                self._start(held)
            return held.value
        with self._busy:
            held = self._held
            if held is not None and time.time() < held.last:
                return held.value
            if self._failed is not None and time.time() < self._failed[0] + _PAUSE:
                raise CredentialsFailed(self._failed[1])
            return self._replace()

    def forget(self) -> None:
        """For credentials that the storage no longer takes: the next request waits for new ones."""
        self._held = None

    def _replace(self) -> T:
        try:
            value, end = self._fetch()
        except Exception as error:
            failed = self._judge(error)
            self._failed = (time.time(), failed.failure)
            raise failed from error
        self._held = _held(value, end)
        return value

    def _start(self, held: _Held[T]) -> None:
        try:
            threading.Thread(target=self._renew, args=(held,), name="storage-credentials", daemon=True).start()
        except RuntimeError:  # there can be no more threads now
            self._busy.release()

    def _renew(self, held: _Held[T]) -> None:
        """In a thread of its own, which has been given the lock."""
        try:
            self._replace()
        except CredentialsFailed as error:
            left = max(0.0, held.last - time.time())
            _log.warning("Cannot renew the credentials, those in use last for another %d s: %s", left, error)
            self._held = _Held(held.value, time.time() + left / 4, held.last)
        finally:
            self._busy.release()


def _held(value: T, end: float | None) -> _Held[T]:
    """When the same ones come back, or they are short-lived, the next look is after a quarter of what is left."""
    if end is None:
        return _Held(value, float("inf"), float("inf"))
    now = time.time()
    left = end - now
    return _Held(value, max(end - _AHEAD, now + left / 4), end - min(_MARGIN, left / 8))
