"""The Open Inference Protocol with stubs that protoc makes, as its README shows."""

from __future__ import annotations

import contextlib
import io
import pathlib
import re
import shutil
import subprocess

import pytest
from proto import PROTO
from server_process import ServerProcess

README = PROTO.parent / "server" / "inference" / "README.md"


def test_the_example_prints_what_it_says(
    server: ServerProcess, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin = shutil.which("grpc_python_plugin")
    if plugin is None or shutil.which("protoc") is None:
        pytest.skip("there is no protoc with grpc_python_plugin")
    files = [str(path.relative_to(PROTO)) for path in (PROTO / "inference").iterdir()]
    outputs = [f"--python_out={tmp_path}", f"--grpc_out={tmp_path}", f"--plugin=protoc-gen-grpc={plugin}"]
    subprocess.run(["protoc", f"-I{PROTO}", *outputs, *files], check=True)
    monkeypatch.syspath_prepend(str(tmp_path))

    (example,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    assert "127.0.0.1:50051" in example
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(example.replace("127.0.0.1:50051", server.address), {})
    assert printed.getvalue().splitlines() == re.findall(r"^print\(.*\) *# (.*)$", example, re.MULTILINE)
