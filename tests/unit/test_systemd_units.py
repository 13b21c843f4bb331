"""Proves that the unit and the example configuration fit each other: every secret that the one
names is laid out by the other, and the folders are those that the unit may write.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UNIT = (ROOT / "systemd" / "aaad.service").read_text("utf-8")
CONF = tomllib.loads((ROOT / "conf" / "aaad.toml").read_text("utf-8"))


def secret_names(content: object) -> set[str]:
    """Every value of a key that ends in _file, at any depth."""
    if isinstance(content, list):
        return {name for member in content for name in secret_names(member)}
    if not isinstance(content, dict):
        return set()
    names = {value for key, value in content.items() if key.endswith("_file")}
    return names | {name for value in content.values() for name in secret_names(value)}


def test_every_secret_of_the_example_is_a_credential_of_the_unit() -> None:
    credentials = dict(re.findall(r"^LoadCredential=([^:\n]+):(.+)$", UNIT, flags=re.MULTILINE))
    assert secret_names(CONF) == set(credentials)
    assert all(path.startswith("/etc/aaad/secrets/") for path in credentials.values())
    assert CONF["secrets"]["folder"] == "/run/credentials/aaad.service"


def test_what_the_daemon_writes_is_in_folders_of_the_unit() -> None:
    assert CONF["journal"]["folder"].startswith("/var/lib/aaad/")
    assert CONF["store"]["url"].startswith("sqlite:////var/lib/aaad/")
    directives = dict(re.findall(r"^([A-Za-z]+)=(.*)$", UNIT, flags=re.MULTILINE))
    assert directives["StateDirectory"] == "aaad"
    assert directives["RuntimeDirectory"] == "aaad"
    assert directives["ProtectSystem"] == "strict"
    assert directives["NoNewPrivileges"] == "yes"
    assert directives["Type"] == "notify"
    assert directives["RestartPreventExitStatus"] == "2"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is missing")
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    daemon = tmp_path / "aaad"
    daemon.write_text("#!/bin/sh\n")
    daemon.chmod(0o755)
    unit = tmp_path / "aaad.service"
    unit.write_text(UNIT.replace("/usr/bin/aaad ", f"{daemon} "))
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")
