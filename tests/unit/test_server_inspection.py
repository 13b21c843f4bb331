"""Proves what aaactl sees of a running daemon: figures, sessions, NASes, limits, explanations; and
that its orders are carried out.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from aaad.radius.errors import DiscardReason
from aaad.server.daemon import Daemon
from aaad.server.inspection import Inspection
from ledger.changes import Authorship
from ledger.settings import SettingsError
from tests.daemon_folder import started, write_folder
from tests.e2e.nas import DynauthListener
from tests.e2e.wire import Status
from tests.server_ports import access_request, asking
from tests.server_world import SECRET, T0, applicable, report

BY = Authorship(actor="tests", at=T0)


@pytest.fixture
async def daemon(tmp_path: Path) -> AsyncIterator[Daemon]:
    async with started(tmp_path) as made:
        yield made


@pytest.fixture
def inspection(daemon: Daemon) -> Inspection:
    return Inspection(daemon, on_drain=lambda: daemon.metrics.count("test_drains"))


async def open_sessions(daemon: Daemon) -> None:
    """Ann's and Bob's on nas-1, Sam's on nas-2; Bob's soft limit is passed."""
    daemon.applier.offer(
        applicable(
            [
                report(1, Status.START, "a", login="ann", at=T0),
                report(2, Status.START, "b", login="bob", at=T0),
                report(3, Status.START, "s", login="sam", nas="nas-2", at=T0),
                report(
                    4,
                    Status.INTERIM_UPDATE,
                    "b",
                    login="bob",
                    at=T0 + 4_000,
                    session_time=4_000,
                    output_octets=1_000,
                ),
            ]
        )
    )
    await daemon.applier.caught_up()


async def test_status_shows_every_part_at_one_glance(
    daemon: Daemon, inspection: Inspection
) -> None:
    await open_sessions(daemon)
    with asking(daemon.listeners[0]) as asker:
        await asker.ask(access_request("ann"))
    daemon.metrics.discard("lab", DiscardReason.TOO_SHORT)
    status = await inspection.status()
    assert status["state"] == "serving"
    assert status["sections"]["sessions"]["open"] == 3
    assert status["sections"]["journal"]["writable"] is True
    assert status["sections"]["poster"]["store"] == "there"
    assert status["sections"]["requests"] == {
        "accounting outstanding": 0,
        "access outstanding": 0,
        "kernel drops": 0,
    }
    assert status["sections"]["counters"]["access_accepts"] == 1
    assert [(line["reason"], line["count"]) for line in status["discards"]] == [("too_short", 1)]
    assert status["discards"][0]["remedy"]


async def test_attention_names_what_is_wrong_and_what_to_do(
    daemon: Daemon, inspection: Inspection, tmp_path: Path
) -> None:
    assert (await inspection.status())["attention"] == []
    path = tmp_path / "aaad.toml"
    path.write_text(path.read_text() + "require_message_authenticator = false\n")
    daemon.reload()
    daemon.metrics.count("suspense", 3)
    daemon.poster._available = False
    await daemon.journal.close()
    attention = (await inspection.status())["attention"]
    found = {line["what"].split(":")[0].split(" (")[0] for line in attention}
    assert found >= {
        "the store is away",
        "the journal takes nothing more",
        "client lab may omit Message-Authenticator",
        "3 accounting records went to suspense since the start",
    }


async def test_sessions_are_found_by_account_login_and_nas(
    daemon: Daemon, inspection: Inspection
) -> None:
    await open_sessions(daemon)

    async def logins(**given: object) -> list[str]:
        anyone: dict[str, Any] = {"account_id": None, "login": None, "nas": None}
        found = await inspection.sessions(**({**anyone, "after": 0, "limit": 10} | given))
        return [line["login"] for line in found]

    everyone = await logins()
    assert sorted(everyone) == ["ann", "bob", "sam"]
    assert await logins(login="bob") == ["bob"]
    assert sorted(await logins(nas="nas-1")) == ["ann", "bob"]
    ann = daemon.directory.find("default", "ann")
    assert ann is not None
    account_id = ann.state.account.account_id
    assert sorted(await logins(account_id=account_id)) == ["ann", "sam"]
    first = await inspection.sessions(account_id=None, login=None, nas=None, after=0, limit=1)
    rest = await logins(after=first[0]["session_id"])
    assert [first[0]["login"], *rest] == everyone, "a page goes on where the last ended"


async def test_a_session_shows_its_price_limits_and_orders(
    daemon: Daemon, inspection: Inspection
) -> None:
    await open_sessions(daemon)
    (line,) = await inspection.sessions(account_id=None, login="bob", nas=None, after=0, limit=1)
    assert (line["session_time_s"], line["output_octets"], line["tariff"]) == (
        4_000,
        1_000,
        "metered",
    )
    assert line["charge_micros"] == 4_000 * 1_000 + 1_000
    shown = await inspection.session(line["session_id"])
    assert shown is not None
    assert sum(segment["amount_micros"] for segment in shown["segments"]) == line["charge_micros"]
    (limit,) = shown["limits"]
    assert (limit["limit"], limit["scope"], limit["used"], limit["hard"]) == (
        "hours",
        "service",
        4_000,
        7_200,
    )
    assert shown["orders"] == []
    assert await inspection.session(1) is None


async def test_names_from_the_network_are_escaped(daemon: Daemon, inspection: Inspection) -> None:
    hostile = "evil\x1b[2J"
    daemon.applier.offer(
        applicable([report(1, Status.START, "i\nd", login="ann", nas=hostile, at=T0)])
    )
    await daemon.applier.caught_up()
    (line,) = await inspection.sessions(account_id=None, login=None, nas=None, after=0, limit=9)
    shown = line["nas"] + line["acct_session_id"] + inspection.nases()[0]["nas"]
    assert not any(ord(character) < 32 for character in shown)


async def test_a_disconnect_returns_what_came_of_it(
    daemon: Daemon, inspection: Inspection, tmp_path: Path
) -> None:
    await open_sessions(daemon)
    with DynauthListener(SECRET).serving() as nas:
        path = tmp_path / "aaad.toml"
        path.write_text(
            path.read_text()
            + '[[nases]]\nname = "nas-1"\n[nases.dynauth]\naddress = "127.0.0.1"\n'
            + f'port = {nas.port}\nsecret_file = "lab"\n'
        )
        daemon.reload()
        (line,) = await inspection.sessions(
            account_id=None, login="ann", nas=None, after=0, limit=1
        )
        outcome = await inspection.disconnect(line["session_id"], actor="olga")
        assert outcome is not None
        assert (outcome["outcome"], outcome["attempts"]) == ("ack", 1)
        assert outcome["address"] == f"127.0.0.1:{nas.port}"
        shown = await inspection.session(line["session_id"])
        assert shown is not None
        assert [(o["reason"], o["outcome"]) for o in shown["orders"]] == [
            ("ordered by olga", "ack")
        ]
    assert await inspection.disconnect(1, actor="olga") is None


async def test_a_nas_that_cannot_be_ordered_says_so(daemon: Daemon, inspection: Inspection) -> None:
    await open_sessions(daemon)
    (line,) = await inspection.sessions(account_id=None, login="sam", nas=None, after=0, limit=1)
    outcome = await inspection.disconnect(line["session_id"], actor="olga")
    assert outcome is not None
    assert (outcome["outcome"], outcome["address"]) == ("no_address", "")


async def test_clients_and_nases_show_what_they_sent(
    daemon: Daemon, inspection: Inspection
) -> None:
    await open_sessions(daemon)
    with asking(daemon.listeners[0]) as asker:
        await asker.ask(access_request("ann"))
    (client,) = inspection.clients()
    assert (client["client"], client["requests"], client["message_authenticator"]) == (
        "lab",
        1,
        "required",
    )
    assert client["heard_at"] is not None
    one, two = inspection.nases()
    assert (one["nas"], one["sessions"], one["reports"], one["heard_at"]) == (
        "nas-1",
        2,
        3,
        T0 + 4_000,
    )
    assert (two["nas"], two["sessions"], two["reports"]) == ("nas-2", 1, 1)


async def test_limits_of_an_account_that_nobody_has_used(inspection: Inspection) -> None:
    async with inspection.store.read() as reader:
        rows = await reader.fetch("fetch_services_by_login", ("default", '["cat"]'))
    (limit,) = await inspection.limit_usage(rows[0][0])
    assert (limit["limit"], limit["scope"], limit["hard"], limit["used"]) == (
        "credit limit",
        "account",
        5_000_000,
        0,
    )
    assert await inspection.limit_usage(12_345) == []


async def test_a_login_is_explained_check_by_check(daemon: Daemon, inspection: Inspection) -> None:
    await open_sessions(daemon)
    checks = await inspection.explain_login(b"Ann")
    assert {check["verdict"] for check in checks} == {"passed"}
    assert (checks[0]["check"], checks[0]["input"]) == ("login", "ann")
    daemon.clock.advance(10_000)
    failed = [c for c in await inspection.explain_login(b"bob") if c["verdict"] == "failed"]
    assert len(failed) == 1
    assert "hours" in failed[0]["remedy"]
    (unknown,) = await inspection.explain_login(b"no\x1bbody")
    assert unknown["verdict"] == "failed"
    assert "\x1b" not in unknown["input"] + unknown["remedy"]


async def test_what_changed_is_in_memory_when_the_call_returns(
    daemon: Daemon, inspection: Inspection
) -> None:
    await open_sessions(daemon)
    before = daemon.directory.find("default", "ann")
    assert before is not None
    await inspection.accounts_changed([before.state.account.account_id])
    after = daemon.directory.find("default", "ann")
    assert after is not before
    catalog = inspection.catalog("default")
    await inspection.catalog_changed()
    assert inspection.catalog("default") is not catalog


async def test_reload_and_drain_are_passed_on(
    daemon: Daemon, inspection: Inspection, tmp_path: Path
) -> None:
    assert await inspection.reload(actor="olga") == []
    await inspection.drain(actor="olga")
    assert daemon.metrics.counters["test_drains"] == 1
    write_folder(tmp_path, "nonsense = 1")
    with pytest.raises(SettingsError):
        await inspection.reload(actor="olga")
