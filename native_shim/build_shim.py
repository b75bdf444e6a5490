"""Compiles the plugin for the Python that runs this module.

cffi writes the C code of the module `_orthanc_storage_shim`; a C compiler puts it together with the files beside this
one. The result belongs to this environment: it holds the path of its interpreter.
"""

from __future__ import annotations

import contextlib
import io
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from importlib.metadata import version
from pathlib import Path

import cffi

HERE = Path(__file__).parent
MODULE = "_orthanc_storage_shim"
LIBRARY = "libOrthancStoragePlugins.so"
DISTRIBUTION = "orthanc-storage-plugins"
# cffi's own start function is private to the file it generates.
_START = """
#include "border.h"
int storage_cffi_start(void);
int storage_cffi_start(void) { return cffi_start_python(); }
"""
_SOURCES = ("shim.c", "host.c", "queue.c", "files.c", "files_read.c", "sealed.c", "counts.c", "interpreter.c")


class BuildError(Exception):
    """The plugin cannot be built here. The message says what is missing."""


def default_output() -> Path:
    """Where the plugin of this environment lies."""
    return Path(sys.prefix, "lib", "orthanc", LIBRARY)


def build(output: Path) -> Path:
    """Compiles the plugin to `output`. Raises BuildError. CC and CFLAGS are honoured."""
    libpython = _libpython()
    compiler = shlex.split(os.environ.get("CC", "cc"))
    if shutil.which(compiler[0]) is None:
        msg = f"no C compiler ({compiler[0]}): install one, on Debian with 'apt-get install gcc libc6-dev'"
        raise BuildError(msg)
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        generated = Path(scratch, f"{MODULE}.c")
        with contextlib.redirect_stdout(io.StringIO()):  # cffi tells what it does
            _ffi().emit_c_code(str(generated))
        # Beside the target first: a running Orthanc has the old file mapped.
        fresh = output.with_name(f".{output.name}.{os.getpid()}")
        command = [*compiler, *_flags(libpython), str(generated), *(str(HERE / name) for name in _SOURCES)]
        command += [*_link_flags(libpython), "-o", str(fresh)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise BuildError(_explain(done.stderr))
        fresh.replace(output)
    return output


def _ffi() -> cffi.FFI:
    ffi = cffi.FFI()
    ffi.cdef((HERE / "border.h").read_text())
    ffi.embedding_api("void storage_python_main(void);")
    ffi.embedding_init_code(f"{(HERE / 'boot.py').read_text()}\nboot()\n")
    ffi.set_source(MODULE, _START)
    return ffi


def _importable() -> str:
    """Python code that makes this environment importable in another interpreter."""
    packages = sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})
    return f"{(HERE / 'importable.py').read_text()}\nmake_importable({packages!r})\n"


def _libpython() -> str:
    """The soname of the shared libpython."""
    name = sysconfig.get_config_var("INSTSONAME") or ""
    if not sysconfig.get_config_var("Py_ENABLE_SHARED") or ".so" not in name:
        msg = (
            f"{sys.executable} has no shared libpython, which a plugin needs to embed Python. Use the Python of the "
            "distribution, or build one with --enable-shared (pyenv: PYTHON_CONFIGURE_OPTS=--enable-shared)"
        )
        raise BuildError(msg)
    return str(name)


def _flags(libpython: str) -> list[str]:
    definitions = {
        "STORAGE_VERSION": version(DISTRIBUTION),
        "STORAGE_PYTHON_EXECUTABLE": sys.executable,
        "STORAGE_LIBPYTHON": libpython,
        "STORAGE_IMPORTABLE": _importable(),
    }
    return [
        *("-std=gnu11", "-O2", "-g", "-fPIC", "-fvisibility=hidden", "-pthread", "-Wall", "-Wextra"),
        *(f"-D{name}={_c_string(value)}" for name, value in definitions.items()),
        f"-I{HERE}",
        f"-I{sysconfig.get_path('include')}",
        *shlex.split(os.environ.get("CFLAGS", "")),
    ]


def _c_string(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _link_flags(libpython: str) -> list[str]:
    folder = sysconfig.get_config_var("LIBDIR")
    return [
        "-shared",
        # Workers may still be inside when Orthanc unloads its plugins.
        "-Wl,-z,nodelete,-z,defs,-z,now",
        f"-L{folder}",
        f"-Wl,-rpath,{folder}",
        f"-l:{libpython}",
        "-ldl",
    ]


def _explain(errors: str) -> str:
    if "OrthancCPlugin.h" in errors:
        return "the header of the Orthanc SDK is missing: on Debian 'apt-get install orthanc-dev'"
    if "Python.h" in errors:
        release = sysconfig.get_python_version()
        return f"the headers of Python {release} are missing: on Debian 'apt-get install python3-dev'"
    return f"the C compiler failed:\n{errors}"
