from __future__ import annotations

import pytest

from storage_plugins import errors
from storage_plugins.bridge import codes


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.NotFound(), 13),
        (errors.RangeInvalid(), 41),
        (errors.KeyInvalid(), 3),
        (errors.AccessDenied(), 32),
        (errors.ConfigInvalid(), 32),
        (errors.Corrupt(), 20),
        (errors.StorageFull(), 19),
        (errors.Unavailable(), 32),
        (errors.StoreError(), 32),
        (MemoryError(), 4),
        (ZeroDivisionError(), 32),
        (SystemExit(), 32),
        (KeyboardInterrupt(), 32),
    ],
)
def test_code(error: BaseException, code: int) -> None:
    """Each error has the code that tells Orthanc what to answer."""
    assert code == codes.code(error)


def test_subclasses_keep_the_code() -> None:
    """A backend may refine an error."""

    class Archived(errors.NotFound):
        pass

    assert 13 == codes.code(Archived())


def test_every_error_has_a_code_of_its_own_choice() -> None:
    """The table is complete: a new kind of error needs a decision."""
    assert set(errors.ALL) == set(codes._CODES)
