"""What the structs of native_shim/border.h look like to a type checker."""

from __future__ import annotations

from typing import Protocol


class Request(Protocol):
    """`storage_request` in border.h. Valid until it is completed."""

    operation: int
    content_type: int
    uuid: object
    data: object
    size: int
    start: int
