"""Providers for Terraform that know the schemas of the real ones and nothing of their clouds.

Terraform speaks its plugin protocol (version 6) with them: `init`, `validate`, `plan`, `apply` and `test` are its
own. Whatever is not in a schema is refused as with the real provider. An apply ends in the state only: what the cloud
would compute is made up, see `answers`.

One process serves all, and Terraform is told where: to start a provider for each command would take longer than the
command. It prints what goes into TF_REATTACH_PROVIDERS, and ends with its standard input.
"""

# ruff: noqa: ARG002, N802 - names and arguments of the calls are the protocol's

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]
import msgpack
from tf.gen import tfplugin_pb2 as protocol
from tf.gen import tfplugin_pb2_grpc as service

from tests.terraform import answers
from tests.terraform.schema import PROVIDERS, Attribute, Block, Provider

_NESTING = {"single": 1, "list": 2, "set": 3, "map": 4}
_UNKNOWN = msgpack.ExtType(0, b"\0")
_Change = Callable[[str, Attribute, Any], Any]


def _protocol_block(block: Block, *, in_set: bool = False) -> Any:
    return protocol.Schema.Block(
        attributes=[_protocol_attribute(name, value, in_set) for name, value in block.attributes.items()],
        block_types=[
            protocol.Schema.NestedBlock(
                type_name=name,
                block=_protocol_block(nested.block, in_set=in_set or nested.nesting == "set"),
                nesting=_NESTING[nested.nesting],
                min_items=nested.least,
                max_items=nested.most,
            )
            for name, nested in block.blocks.items()
        ],
    )


def _protocol_attribute(name: str, attribute: Attribute, in_set: bool) -> Any:
    # Terraform refuses dynamic types in a set.
    kind = "string" if in_set and attribute.type == "dynamic" else attribute.type
    return protocol.Schema.Attribute(
        name=name,
        type=json.dumps(kind).encode(),
        required=attribute.required,
        optional=attribute.optional and not attribute.required,
        computed=attribute.computed and not attribute.required,
    )


def _schema(block: Block) -> Any:
    return protocol.Schema(version=0, block=_protocol_block(block))


def _decode(value: Any) -> Any:
    return msgpack.unpackb(value.msgpack, raw=False, strict_map_key=False) if value.msgpack else None


def _encode(value: Any) -> Any:
    return protocol.DynamicValue(msgpack=msgpack.packb(value, use_bin_type=True))


def _each(block: Block, value: Any, change: _Change) -> Any:
    """`value` with each attribute changed, in place, also in the blocks within."""
    if isinstance(value, dict):
        for name, attribute in block.attributes.items():
            if name in value:
                value[name] = change(name, attribute, value[name])
        for name, nested in block.blocks.items():
            within = value.get(name)
            for item in within if isinstance(within, list) else [within]:
                _each(nested.block, item, change)
    return value


def _left_open(_: str, attribute: Attribute, value: Any) -> Any:
    """What the configuration does not say and the cloud will."""
    return _UNKNOWN if value is None and attribute.computed and attribute.type != "dynamic" else value


class _Service(service.ProviderServicer):  # type: ignore[misc]
    """The calls of the protocol. Their names are the protocol's."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    @cached_property
    def _schemas(self) -> Any:
        return protocol.GetProviderSchema.Response(
            provider=_schema(self._provider.configuration),
            resource_schemas={kind: _schema(block) for kind, block in self._provider.resources.items()},
            data_source_schemas={kind: _schema(block) for kind, block in self._provider.data_sources.items()},
        )

    def GetMetadata(self, request: Any, context: Any) -> Any:
        metadata = protocol.GetMetadata
        return metadata.Response(
            server_capabilities=protocol.ServerCapabilities(plan_destroy=False),
            resources=[metadata.ResourceMetadata(type_name=kind) for kind in self._provider.resources],
            data_sources=[metadata.DataSourceMetadata(type_name=kind) for kind in self._provider.data_sources],
        )

    def GetProviderSchema(self, request: Any, context: Any) -> Any:
        return self._schemas

    def ValidateProviderConfig(self, request: Any, context: Any) -> Any:
        return protocol.ValidateProviderConfig.Response()

    def ValidateResourceConfig(self, request: Any, context: Any) -> Any:
        return protocol.ValidateResourceConfig.Response()

    def ValidateDataResourceConfig(self, request: Any, context: Any) -> Any:
        return protocol.ValidateDataResourceConfig.Response()

    def ConfigureProvider(self, request: Any, context: Any) -> Any:
        return protocol.ConfigureProvider.Response()

    def UpgradeResourceState(self, request: Any, context: Any) -> Any:
        state = json.loads(request.raw_state.json)
        return protocol.UpgradeResourceState.Response(upgraded_state=_encode(state))

    def ReadResource(self, request: Any, context: Any) -> Any:
        return protocol.ReadResource.Response(new_state=request.current_state)

    def PlanResourceChange(self, request: Any, context: Any) -> Any:
        proposed = _decode(request.proposed_new_state)
        planned = _each(self._provider.resources[request.type_name], proposed, _left_open)
        return protocol.PlanResourceChange.Response(planned_state=_encode(planned))

    def ApplyResourceChange(self, request: Any, context: Any) -> Any:
        planned = _decode(request.planned_state)
        state = self._answered(self._provider.resources[request.type_name], request.type_name, planned)
        return protocol.ApplyResourceChange.Response(new_state=_encode(state))

    def ReadDataSource(self, request: Any, context: Any) -> Any:
        block = self._provider.data_sources[request.type_name]
        wanted = _each(block, _decode(request.config), _left_open)
        state = self._answered(block, f"data.{request.type_name}", wanted)
        return protocol.ReadDataSource.Response(state=_encode(state))

    def GetFunctions(self, request: Any, context: Any) -> Any:
        return protocol.GetFunctions.Response()

    def StopProvider(self, request: Any, context: Any) -> Any:
        return protocol.StopProvider.Response()

    def _answered(self, block: Block, kind: str, value: Any) -> Any:
        """What was left open, as the cloud would answer."""
        if isinstance(value, dict):
            made_up = answers.of(kind, {name: given for name, given in value.items() if given != _UNKNOWN})
            for name, given in made_up.items():
                if value.get(name) == _UNKNOWN:
                    value[name] = given
        return _each(block, value, lambda name, attribute, given: _known(kind, name, attribute, given))


def _known(kind: str, name: str, attribute: Attribute, value: Any) -> Any:
    return answers.plain(kind, name, attribute.type) if value == _UNKNOWN else value


def _serve(name: str, folder: Path, servers: list[Any]) -> dict[str, Any]:
    """Starts a provider, and says where it is. It ends when nobody holds its server."""
    socket = folder / name
    server = grpc.server(ThreadPoolExecutor(8))
    servers.append(server)
    service.add_ProviderServicer_to_server(_Service(Provider.load(name)), server)
    server.add_insecure_port(f"unix:{socket}")
    server.start()
    where = {"Network": "unix", "String": str(socket)}
    return {"Protocol": "grpc", "ProtocolVersion": 6, "Pid": os.getpid(), "Test": True, "Addr": where}


def main() -> None:
    """Serves until nobody needs it."""
    servers: list[Any] = []
    with tempfile.TemporaryDirectory() as folder:
        started = {f"registry.terraform.io/hashicorp/{name}": _serve(name, Path(folder), servers) for name in PROVIDERS}
        print(json.dumps(started), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
