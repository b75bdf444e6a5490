from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from storage_plugins.filesystems.objects import even_part

MIB = 1 << 20


@given(size=st.integers(0, 1 << 34), largest=st.integers(5 * MIB, 64 * MIB), parallel=st.integers(1, 64))
def test_even_parts(size: int, largest: int, parallel: int) -> None:
    """None is too large, and the last round of streams is as full as the others, but for what cannot be divided."""
    part = even_part(size, largest, parallel)
    count = -(-size // part) if size else 0

    assert part <= largest
    assert count <= parallel or part * (-(-count // parallel)) * parallel < size + part * parallel
    assert count <= -(-size // largest) + parallel


def test_examples() -> None:
    """One part where one is enough; two rounds of eight; never less than the smallest."""
    assert 3 * MIB == even_part(3 * MIB, 8 * MIB, 8)
    assert 100 * MIB // 16 == even_part(100 * MIB, 8 * MIB, 8)
    assert 5 * MIB == even_part(41 * MIB, 5 * MIB, 8, 5 * MIB)
    assert 1 == even_part(0, 8 * MIB, 8)
