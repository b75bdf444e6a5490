from __future__ import annotations

import errno
import os

import pytest

from storage_plugins import errors


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOENT, errors.NotFound),
        (errno.EACCES, errors.AccessDenied),
        (errno.EROFS, errors.AccessDenied),
        (errno.ENOSPC, errors.StorageFull),
        (errno.EDQUOT, errors.StorageFull),
        (errno.EIO, errors.Unavailable),
        (errno.ETIMEDOUT, errors.Unavailable),
        (errno.EMFILE, errors.Unavailable),
    ],
)
def test_os_errors(number: int, kind: type[errors.StoreError]) -> None:
    """Numbers of the operating system become what a caller can do about them, with the object's name."""
    with pytest.raises(kind, match=r"cannot put object 'ab/cd': .+") as caught, errors.os_errors("put", "ab/cd"):
        raise OSError(number, os.strerror(number))
    assert (kind is errors.Unavailable) == caught.value.retryable


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (FileNotFoundError("x"), errors.NotFound),
        (PermissionError("x"), errors.AccessDenied),
        (TimeoutError("x"), errors.Unavailable),
        (ConnectionResetError(), errors.Unavailable),
    ],
)
def test_builtins_without_a_number(error: OSError, kind: type[errors.StoreError]) -> None:
    """Libraries raise the builtin classes without a number."""
    assert kind is type(errors.from_os_error(error, "cannot read"))
