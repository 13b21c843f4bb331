"""Proves that SIGHUP takes over what changed, that a file with mistakes changes nothing, and that
no figure begins anew.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.harness import CommandError, Daemon
from tests.e2e.wire import Code

ANOTHER = """
[[clients]]
name = "another"
prefixes = ["192.0.2.0/24"]
secret_file = "client"
"""


def test_a_reload_takes_over_clients_and_goes_on_counting(daemon_folder: Path) -> None:
    daemon = Daemon(daemon_folder)
    with daemon.running(), daemon.nas() as nas:
        assert nas.access_request("nobody", "nothing").code == Code.ACCESS_REJECT
        before = clients(daemon)["test-nases"]
        assert before["requests"] == 1

        append(daemon, ANOTHER)
        daemon.reload()
        daemon.wait_for_log(lambda entry: entry["event"] == "reloaded")
        after = clients(daemon)
        assert set(after) == {"test-nases", "another"}
        assert after["test-nases"] == before

        append(daemon, "unheard_of = 1\n")
        daemon.reload()
        mistake = daemon.wait_for_log(lambda entry: entry["event"] == "configuration_mistake")
        assert "unheard_of" in mistake["finding"]
        assert clients(daemon) == after
        with pytest.raises(CommandError, match="unheard_of"):
            daemon.aaactl("reload")
        assert nas.access_request("nobody", "nothing").code == Code.ACCESS_REJECT


def append(daemon: Daemon, text: str) -> None:
    with daemon.config.open("a") as config:
        config.write(text)


def clients(daemon: Daemon) -> dict[str, Any]:
    return {one["client"]: one for one in daemon.aaactl("client", "list")["clients"]}
