"""What a backend is: a store that Orthanc's configuration can name.

A backend is one class. It is registered under a name, in `registry` or through the entry-point group
`storage_plugins.backends` of any installed package.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

from storage_plugins.config.model import Model
from storage_plugins.keys import Layout
from storage_plugins.store import Store


class Backend(Store):
    """A store over a medium. It translates options and errors and has no policy: no retry, no cache."""

    Options: ClassVar[type[Model]]
    """The keys of `StoragePlugins.Options` that this backend understands."""

    layout: ClassVar[Layout] = Layout.FLAT
    """The layout when the configuration does not say."""

    remote: ClassVar[bool] = False
    """Whether the medium is behind a network, so that a call that failed may be made again."""

    @abstractmethod
    def __init__(self, options: Any) -> None:
        """Opens the medium. `options` is an instance of `Options`.

        Raises a StoreError, which refuses Orthanc's start with its message.
        """
