"""What went wrong when there was no answer, for the engines over urllib3, which wrap errors in errors."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from typing import Final

from urllib3.exceptions import ProxyError
from urllib3.util.ssl_match_hostname import CertificateError

from storage_plugins.filesystems.objects import Failure

_BETTER: Final = (((ssl.CertificateError, CertificateError), "certificate"), ((ProxyError,), "proxy"))


def judge(error: BaseException, code: str) -> Failure:
    """The failure behind an error. `code`: what the engine takes it for; what stands behind it may know better."""
    behind = list(_causes(error))
    if code == "interrupted" and any(isinstance(one, TimeoutError) for one in behind):
        code = "timeout"
    code = next((better for kinds, better in _BETTER if any(isinstance(one, kinds) for one in behind)), code)
    # The last one says most, "Connection refused", and the first one may hold a URL with a signature.
    return Failure(0, code, " ".join(str(behind[-1]).split())[:300] or type(behind[-1]).__name__)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and all that stands behind it, each once. Some libraries chain errors, others hand them over."""
    found: list[BaseException] = [error]
    for one in found:
        yield one
        held = (getattr(one, name, None) for name in ("reason", "inner_exception"))  # urllib3's, azure-core's
        more = (*one.args, *held, one.__cause__, one.__context__)
        found.extend(other for other in more if isinstance(other, BaseException) and other not in found)
