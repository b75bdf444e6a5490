"""What a check expects, with a message that tells what it found instead."""

from __future__ import annotations

from collections.abc import Callable


def same(expected: object, actual: object) -> None:
    """Raises AssertionError unless both are equal. Long bytes are described, not printed."""
    if expected != actual:
        msg = f"expected {_short(expected)}, found {_short(actual)}"
        raise AssertionError(msg)


def raises(kind: type[BaseException], call: Callable[[], object]) -> None:
    """Raises AssertionError unless the call raises `kind`."""
    try:
        result = call()
    except kind:
        return
    except Exception as error:
        msg = f"expected {kind.__name__}, found {type(error).__name__}: {error}"
        raise AssertionError(msg) from error
    msg = f"expected {kind.__name__}, but the call went well and gave {_short(result)}"
    raise AssertionError(msg)


def _short(value: object) -> str:
    if isinstance(value, bytes) and len(value) > 40:
        return f"{len(value)} bytes starting with {value[:20]!r}"
    return repr(value)[:300]
