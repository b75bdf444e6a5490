"""A store against a model of it: hypothesis tries sequences of calls and shortens one that breaks a promise.

Needs the package hypothesis. A test module subclasses `StoreModel` with an `open_rig`; pytest finds its TestCase.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from storage_plugins.errors import NotFound, RangeInvalid
from storage_plugins.testing.contract import Rig
from storage_plugins.testing.expect import raises, same
from storage_plugins.testing.media import read

KEYS = st.sampled_from(["a", "b", "folder/a", "folder/b", "folder/deep/a", "A", "b.dcm", "b.dcm.head"])
DATA = st.binary(max_size=300)
_NUMBERS = st.integers(min_value=0, max_value=310)


class StoreModel(RuleBasedStateMachine):
    """A dictionary is the model: the store must give the same answers after any sequence of calls."""

    def open_rig(self) -> Rig:
        """A rig whose medium is empty. To be overridden."""
        raise NotImplementedError

    def __init__(self) -> None:
        super().__init__()
        self.rig = self.open_rig()
        self.model: dict[str, bytes] = {}

    @rule(key=KEYS, data=DATA)
    def put(self, key: str, data: bytes) -> None:
        """A put replaces what is there."""
        self.rig.store.put(key, data)
        self.model[key] = data

    @rule(key=KEYS, data=DATA)
    def write_around(self, key: str, data: bytes) -> None:
        """Another program writes to the medium."""
        self.rig.medium.write(key, data)
        self.model[key] = data

    @rule(key=KEYS)
    def delete(self, key: str) -> None:
        """A delete may find nothing."""
        self.rig.store.delete(key)
        self.model.pop(key, None)

    @rule(key=KEYS)
    def read(self, key: str) -> None:
        """A read gives the bytes, or NotFound."""
        if key in self.model:
            same(self.model[key], read(self.rig.store, key))
        else:
            raises(NotFound, lambda: read(self.rig.store, key))

    @rule(key=KEYS, start=_NUMBERS, size=_NUMBERS)
    def read_range(self, key: str, start: int, size: int) -> None:
        """A range gives exactly its bytes, or the right error."""
        target = bytearray(size)

        def call() -> Any:
            return self.rig.store.read_range(key, start, memoryview(target))

        if size == 0:
            call()
        elif key not in self.model:
            raises(NotFound, call)
        elif start + size > len(self.model[key]):
            raises(RangeInvalid, call)
        else:
            call()
            same(self.model[key][start : start + size], bytes(target))

    @rule()
    def reopen(self) -> None:
        """Another store takes over."""
        if self.rig.persistent:
            self.rig.store.close()
            self.rig.store = self.rig.reopen()

    @invariant()
    def list_agrees(self) -> None:
        """The list is the model's."""
        same({key: len(data) for key, data in self.model.items()}, {i.key: i.size for i in self.rig.store.list()})

    def teardown(self) -> None:
        """Ends the store."""
        self.rig.store.close()
