"""The sessions of the client's documents, as they are printed there. A document's scripts are files beside them."""

from __future__ import annotations

import doctest
import os
import pathlib
import re

import pytest
from server_process import PROGRAM

ROOT = pathlib.Path(__file__).parents[3]
CLIENT = ROOT / "client" / "python"


@pytest.mark.parametrize("name, least", [("README.md", 25), ("RECIPES.md", 60)])
def test_sessions(name: str, least: int, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    import treduce.array_api

    document = CLIENT / name
    monkeypatch.setenv("PATH", f"{pathlib.Path(PROGRAM).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(CLIENT))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    for script in re.findall(r"```python\n(#!.*?)```", document.read_text(encoding="utf-8"), re.DOTALL):
        (tmp_path / re.findall(r'"""(\w+):', script)[0]).write_text(script, encoding="utf-8")
    failed, tried = doctest.testfile(str(document), module_relative=False, optionflags=doctest.ELLIPSIS)
    treduce.array_api.use(None)
    assert failed == 0
    assert tried > least
