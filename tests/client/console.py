#!/usr/bin/env python3
"""Runs the console sessions of a document and compares what they print: console.py DOCUMENT FOLDER_OF_PROGRAMS

All sessions of the document are one, in an empty folder with a copy of tests/data.
"""

import difflib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

DATA = pathlib.Path(__file__).parents[1] / "data"


def commands(document):
    """The commands of the sessions, and what each prints."""
    for session in re.findall(r"```console\n(.*?)```", document, re.DOTALL):
        for part in re.split(r"^\$ ", session, flags=re.MULTILINE)[1:]:
            command, _, printed = part.partition("\n")
            yield command, printed


def main(document, programs):
    programs = pathlib.Path(programs).resolve()
    environment = {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    environment.pop("TREDUCE_SERVER", None)
    ran = 0
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(DATA, folder, dirs_exist_ok=True)
        for command, expected in commands(pathlib.Path(document).read_text(encoding="utf-8")):
            printed = subprocess.run(
                ["bash", "-c", command], cwd=folder, env=environment, timeout=60, text=True,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            ).stdout  # fmt: skip
            if printed != expected:
                print(f"$ {command}")
                sys.stdout.writelines(difflib.unified_diff(expected.splitlines(True), printed.splitlines(True)))
                return 1
            ran += 1
    print(f"{ran} commands print what {document} says")
    return 0 if ran else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
