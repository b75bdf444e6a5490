from __future__ import annotations

import pytest

from storage_plugins.adapters.memory import MemoryOptions, MemoryStore
from storage_plugins.errors import AccessDenied, KeyInvalid, NotFound, Unavailable
from storage_plugins.layers.read_only import ReadOnlyLayer
from storage_plugins.layers.renamed import RenamedLayer
from storage_plugins.layers.second_choice import SecondChoiceLayer
from storage_plugins.store import Store
from storage_plugins.testing.faults import Fault, FaultStore
from storage_plugins.testing.media import read


def memory(**objects: bytes) -> MemoryStore:
    """A store that holds something."""
    store = MemoryStore(MemoryOptions())
    for key, data in objects.items():
        store.put(key, data)
    return store


def broken(verb: str, **objects: bytes) -> FaultStore:
    """A store of which one verb does not work once."""
    return FaultStore(memory(**objects), [Fault(verb, Unavailable("broken"))])


def test_only_what_is_missing_is_looked_for_elsewhere() -> None:
    """A first place that fails is not covered up: the second one may be out of date."""
    with pytest.raises(Unavailable):
        read(SecondChoiceLayer(broken("read"), memory(x=b"old")), "x")


def test_a_second_place_that_fails_is_told() -> None:
    """What may be there is not "not found"."""
    with pytest.raises(Unavailable):
        read(SecondChoiceLayer(memory(), broken("read")), "x")


@pytest.mark.parametrize("first_works", [False, True])
def test_a_delete_reaches_the_place_that_works(*, first_works: bool) -> None:
    """And tells that the other one failed."""
    works, fails = memory(x=b"1"), broken("delete", x=b"1")
    places: tuple[Store, Store] = (works, fails) if first_works else (fails, works)

    with pytest.raises(Unavailable):
        SecondChoiceLayer(*places).delete("x")
    with pytest.raises(NotFound):
        works.stat("x")
    assert 1 == fails.stat("x").size


def test_closing_closes_both() -> None:
    """Neither is left open."""
    first, second = memory(), memory()
    SecondChoiceLayer(first, second).close()

    for store in (first, second):
        with pytest.raises(Unavailable):
            store.put("x", b"1")


def test_a_key_without_a_place() -> None:
    """It can neither be there nor be put there; to delete it is nothing."""
    store = RenamedLayer(memory(x=b"1"), lambda _: None)

    with pytest.raises(NotFound):
        read(store, "x")
    with pytest.raises(NotFound):
        store.stat("x")
    with pytest.raises(KeyInvalid):
        store.put("x", b"2")
    store.delete("x")
    assert b"1" == read(store.inner, "x")


def test_read_only() -> None:
    """Nothing changes, everything can be read."""
    inner = memory(x=b"1")
    store = ReadOnlyLayer(inner)

    with pytest.raises(AccessDenied):
        store.put("x", b"2")
    with pytest.raises(AccessDenied):
        store.delete("x")
    assert None is store.files()
    assert b"1" == read(store, "x")
    assert ["x"] == [info.key for info in store.list()]
    assert 1 == store.stat("x").size
