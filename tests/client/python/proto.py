"""Protobuf's own classes of the messages in proto/, made by protoc: what the hand-written _wire.py is held to."""

from __future__ import annotations

import pathlib
import shutil
import subprocess
import tempfile
from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PROTO = pathlib.Path(__file__).parents[3] / "proto"


def messages(path: str, package: str) -> dict[str, Any]:
    """The message classes, and the enum descriptors, of a file of `package`, by name."""
    if shutil.which("protoc") is None:
        pytest.skip("there is no protoc")
    with tempfile.NamedTemporaryFile() as out:
        subprocess.run(
            ["protoc", f"-I{PROTO}", "--include_imports", f"--descriptor_set_out={out.name}", path], check=True
        )
        files = descriptor_pb2.FileDescriptorSet.FromString(pathlib.Path(out.name).read_bytes())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file) if hasattr(pool, "Add") else pool.AddSerializedFile(file.SerializeToString())
    found: dict[str, Any] = {}
    file = pool.FindFileByName(path)
    assert file.package == package
    for name, descriptor in file.message_types_by_name.items():
        if hasattr(message_factory, "GetMessageClass"):
            found[name] = message_factory.GetMessageClass(descriptor)
        else:
            found[name] = message_factory.MessageFactory(pool).GetPrototype(descriptor)
    return {**found, **file.enum_types_by_name}
