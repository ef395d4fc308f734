"""The README's sessions, as they are printed there."""

from __future__ import annotations

import doctest
import os
import pathlib

import pytest
from server_process import PROGRAM

README = pathlib.Path(__file__).parents[3] / "client" / "python" / "README.md"


def test_sessions(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    import treduce.array_api

    monkeypatch.setenv("PATH", f"{pathlib.Path(PROGRAM).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    failed, tried = doctest.testfile(str(README), module_relative=False)
    treduce.array_api.use(None)
    assert failed == 0
    assert tried > 25
