"""The package builds without a network, installs, works beside nothing else, and uninstalls."""

from __future__ import annotations

import pathlib
import shutil
import subprocess
import sys
import zipfile

import pytest

SOURCE = pathlib.Path(__file__).parents[3] / "client" / "python"


def run(*command: str | pathlib.Path) -> str:
    process = subprocess.run(command, capture_output=True, text=True)
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A Python that sees the system's packages, and none of this test's."""
    for module in ("ensurepip", "setuptools", "wheel"):
        pytest.importorskip(module)
    folder = tmp_path_factory.mktemp("venv")
    run(sys.executable, "-m", "venv", "--system-site-packages", folder)
    return folder / "bin" / "python"


def test_builds_installs_and_uninstalls(python: pathlib.Path, tmp_path: pathlib.Path, server: object) -> None:
    source = tmp_path / "source"
    shutil.copytree(SOURCE, source, ignore=shutil.ignore_patterns("__pycache__", "build", "*.egg-info"))
    offline = ("--no-index", "--no-build-isolation", "--disable-pip-version-check")
    run(python, "-m", "pip", "wheel", *offline, "--no-deps", "-w", tmp_path, source)
    (wheel,) = tmp_path.glob("treduce-*-py3-none-any.whl")
    files = {path.relative_to(SOURCE).as_posix() for path in SOURCE.glob("treduce/**/*.py")} | {"treduce/py.typed"}
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if not name.split("/")[0].endswith(".dist-info")}
    assert packed == files

    run(python, "-m", "pip", "install", *offline, wheel)
    program = "import treduce, treduce.array_api; print(treduce.__version__, treduce.__file__)"
    version, path = run(python, "-I", "-c", program).split()
    assert wheel.name == f"treduce-{version}-py3-none-any.whl"
    assert pathlib.Path(path).is_relative_to(python.parents[1])
    program = "import numpy, sys, treduce; print(treduce.connect(sys.argv[1]).sum(numpy.arange(5)))"
    assert run(python, "-I", "-c", program, server.address) == "10\n"  # type: ignore[attr-defined]

    run(python, "-m", "pip", "uninstall", "-y", "treduce")
    assert not list(python.parents[1].rglob("treduce*"))
