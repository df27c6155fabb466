"""Khronos' own validator, where node and the npm package gltf-validator are installed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
_VALIDATE = """
const validator = require(process.argv[1]);
validator.validateBytes(new Uint8Array(require('fs').readFileSync(process.argv[2])), {maxIssues: 50})
  .then(report => console.log(JSON.stringify(report.issues)));
"""


def validate(path: Path) -> dict[str, Any]:
    """What Khronos' validator says about a file; skips the test where it is not installed."""
    folder = Path(os.environ.get("FACESTUDIO_GLTF_VALIDATOR", REPOSITORY / ".venv" / "gltf-validator"))
    package = (
        folder
        if (folder / "package.json").exists() and (folder / "index.js").exists()
        else folder / "node_modules/gltf-validator"
    )
    node = shutil.which("node")
    if node is None or not (package / "index.js").exists():
        pytest.skip(f"needs node and the npm package gltf-validator in {folder} (python3 run.py test installs it)")
    ran = subprocess.run(
        [node, "-e", _VALIDATE, str(package), str(path)], capture_output=True, text=True, check=True, timeout=60
    )
    found: dict[str, Any] = json.loads(ran.stdout)
    return found
