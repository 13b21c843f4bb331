"""Proves aaactl as its users see it: against a real control socket over a real SQLite store, what
it prints, what JSON it gives, what it refuses, and with which exit code.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from aaad.control import (  # noqa: F401 - the modules under test, loaded by the table
    cli_accounts,
    cli_daemon,
    cli_explain,
    cli_services,
    cli_sessions,
    cli_store,
)
from aaad.control.cli import main
from tests.control_world import CLERK, DIALUP, MemoryDaemon, served_daemon


class Terminal:
    """Runs aaactl against the daemon of a folder."""

    def __init__(self, folder: Path, daemon: MemoryDaemon) -> None:
        self.folder = folder
        self.daemon = daemon

    async def run(self, *arguments: str, typed: str = "") -> Result:
        """One command, in a thread so that the daemon can answer."""
        command = ["--config", str(self.folder / "aaad.toml"), *arguments]
        return await asyncio.to_thread(CliRunner().invoke, main, command, input=typed)

    async def say(self, *arguments: str, typed: str = "") -> str:
        """The output of a command that succeeds."""
        result = await self.run(*arguments, typed=typed)
        assert result.exit_code == 0, result.output
        return result.output

    async def register(self) -> int:
        """The price list of conf/ and a customer with the login bob; the account's id."""
        await self.say("pricelist", "load", str(DIALUP), "--effective", "2026-01-01T00:00Z")
        account = await self.say(
            *("account", "register", "--name", "Bob", "--currency", "USD"),
            *("--zone", "America/New_York", "--bill-day", "1", "--login", "bob"),
            *("--offer", "dialup-200", "--json"),
            typed="secret\n",
        )
        return int(json.loads(account)["account"]["account_id"])


@pytest.fixture
async def terminal(tmp_path: Path) -> AsyncIterator[Terminal]:
    async with served_daemon(tmp_path) as daemon:
        yield Terminal(tmp_path, daemon)


async def test_status_says_what_needs_attention(terminal: Terminal) -> None:
    output = await terminal.say("status")
    assert "aaad 0.1.0 is serving, up 1 h 0 min" in output
    assert "ATTENTION: client lab does not sign" in output
    assert "unknown_client" in output
    assert json.loads(await terminal.say("status", "--json"))["state"] == "serving"


async def test_lists_of_clients_and_nases_escape_the_network(terminal: Terminal) -> None:
    assert "192.0.2.0/24" in await terminal.say("client", "list")
    output = await terminal.say("nas", "list")
    assert "bras\\x1b[31m-1" in output
    assert "\x1b" not in output
    assert "2" in await terminal.say("nas", "report")
    assert "\x1b" not in await terminal.say("nas", "list", "--json")


async def test_session_show_explains_the_charge(terminal: Terminal) -> None:
    output = await terminal.say("session", "show", "77")
    assert "Friday 22:00-24:00 weekday: 2 h 0 min at 1.00 USD per hour = 2.00 USD" in output
    assert "Saturday 00:00-01:00 weekend: 1 h 0 min free = 0.00 USD" in output
    assert "total: 2.00 USD" in output
    assert "hours (service): 3 h 0 min used; soft 4 h 0 min (75 %)" in output
    assert "disconnect because limit: pending after 2 attempts" in output
    assert "\x1b" not in output
    assert "bob" in await terminal.say("sessions", "--nas", "bras-1", "--login", "BOB")
    assert "No entries." in await terminal.say("sessions", "--login", "nobody")


async def test_what_is_not_there_is_exit_1_with_the_remedy(terminal: Terminal) -> None:
    result = await terminal.run("session", "show", "78")
    assert result.exit_code == 1
    assert "no session 78 runs" in result.output
    assert "remedy: see `aaactl sessions`" in result.output


@pytest.mark.parametrize(
    ("outcome", "code"), [("ack", 0), ("nak", 1), ("timeout", 1), ("no_address", 1)]
)
async def test_disconnect_tells_its_outcome(terminal: Terminal, outcome: str, code: int) -> None:
    terminal.daemon.outcome = outcome
    result = await terminal.run("disconnect", "77")
    assert result.exit_code == code
    assert f"192.0.2.1:3799: {outcome}" in result.output


async def test_reload_drain_and_clock(terminal: Terminal) -> None:
    assert "read again for olga" in await terminal.say("reload")
    assert "2026-03-14 06:00:" in await terminal.say("clock", "show")
    assert "2026-07-01 12:00:" in await terminal.say("clock", "set", "2026-07-01T14:00+02:00")
    assert "2026-07-01 11:00:" in await terminal.say("clock", "advance", "-3600")
    assert (await terminal.run("clock", "set", "2026-07-01T14:00")).exit_code == 2
    await terminal.say("drain")
    assert terminal.daemon.drained_by == "olga"


async def test_reload_of_a_broken_configuration_shows_its_mistakes(terminal: Terminal) -> None:
    config = terminal.folder / "aaad.toml"
    config.write_text(config.read_text() + "[radius]\nsecrret = 1\n")
    result = await terminal.run("reload")
    assert result.exit_code == 1
    assert "radius.secrret" in result.output


async def test_the_life_of_a_customer(terminal: Terminal) -> None:
    account = str(await terminal.register())
    assert int(account) in terminal.daemon.refreshed
    shown = await terminal.say("account", "show", account)
    assert "Bob" in shown
    assert "owns dialup-200" in shown
    assert "sealed" in shown
    assert "secret" not in shown
    await terminal.say("account", "set", account, "--credit-limit", "50", "--profile", "vip=yes")
    assert "50.00 USD" in await terminal.say("account", "show", "--login", "BOB")
    assert "suspended (manual)" in await terminal.say("account", "suspend", account)
    assert "active" in await terminal.say("account", "reopen", account)
    assert "Bob" in await terminal.say("account", "list", "bo")
    assert "No entries." in await terminal.say("account", "list", "100%")
    assert "closed" in await terminal.say("account", "close", account)
    events = json.loads(await terminal.say("events", account, "--json"))["events"]
    assert [one["event_type"] for one in events] == [
        "account_closed",
        "reopened",
        "suspended",
        "account_changed",
        "service_added",
        "account_registered",
    ]
    assert {one["actor"] for one in events} == {"olga"}


async def test_the_life_of_a_service(terminal: Terminal) -> None:
    account = str(await terminal.register())
    password = terminal.folder / "password"
    password.write_text("another\n")
    added = await terminal.say(
        *("service", "add", account, "--new-login", "ann", "--offer", "weekday-hours"),
        *("--scheme", "argon2", "--password-file", str(password)),
    )
    assert "argon2" in added
    assert "nt_hash" in await terminal.say(
        "service", "password", "ann", "--scheme", "nt_hash", typed="third\n"
    )
    set_to = await terminal.say("service", "set", "ann", "--reply", "Filter-Id=gold")
    assert "Filter-Id" in set_to
    assert "anna" in await terminal.say("service", "set", "ann", "--new-login", "anna")
    assert "dialup-200" in await terminal.say("service", "offer", "anna", "dialup-200")
    assert "suspended" in await terminal.say("service", "suspend", "anna")
    assert "active" in await terminal.say("service", "reopen", "anna")
    assert "closed" in await terminal.say("service", "close", "anna")
    assert (await terminal.run("service", "show", "ann")).exit_code == 1


async def test_limits_are_set_and_topped_up(terminal: Terminal) -> None:
    account = str(await terminal.register())
    topped = await terminal.say(
        *("limit", "topup", "--login", "bob", "--name", "hours", "--quantity", "10h")
    )
    assert "soft 160 h 0 min, hard 210 h 0 min" in topped
    owned = await terminal.say(
        *("limit", "set", account, "--name", "spend", "--metric", "money", "--hard", "20.00")
    )
    assert "spend of the whole account: soft none, hard 20.00 USD" in owned
    wrong = await terminal.run(*("limit", "topup", account, "--name", "spend", "--quantity", "10h"))
    assert wrong.exit_code == 1
    assert "counts money, not seconds" in wrong.output
    assert (await terminal.run("limit", "topup", account, "--name", "x")).exit_code == 2


async def test_balance_shows_limits_and_reset(terminal: Terminal) -> None:
    account = str(await terminal.register())
    output = await terminal.say("balance", account)
    assert "owed in total" in output
    assert "begins anew 2026-04-01 00:00:00 -04:00" in output
    assert json.loads(await terminal.say("balance", account, "--json"))["balances"] == [
        {
            "resource": "USD",
            "posted_micros": 0,
            "accrued_micros": 0,
            "leased_micros": 0,
            "total_micros": 0,
        }
    ]


async def test_all_mistakes_of_a_registration_are_shown(terminal: Terminal) -> None:
    result = await terminal.run(
        *("account", "register", "--name", "X", "--currency", "dollars"),
        *("--zone", "Mars/Olympus", "--bill-day", "1"),
    )
    assert result.exit_code == 1
    assert "dollars" in result.output
    assert "Mars/Olympus" in result.output


async def test_pricelists_are_listed_and_mistakes_change_nothing(terminal: Terminal) -> None:
    await terminal.register()
    broken = terminal.folder / "broken.toml"
    broken.write_text(DIALUP.read_text().replace('"1.00"', '"1.0x"').replace("PPP", "XYZ"))
    result = await terminal.run(
        "pricelist", "load", str(broken), "--effective", "2026-06-01T00:00Z"
    )
    assert result.exit_code == 1
    assert f"{broken}: tariffs.weekday-hours.bands[2].prices[1].amount" in result.output
    assert "Framed-Protocol" in result.output
    past = await terminal.run("pricelist", "load", str(DIALUP), "--effective", "2026-02-01T00:00Z")
    assert past.exit_code == 1
    assert "past" in past.output
    versions = json.loads(await terminal.say("pricelist", "list", "--json"))["versions"]
    assert [one["version"] for one in versions] == [1]
    assert "olga" in await terminal.say("pricelist", "list")


async def test_explain_login_names_the_check_that_refuses(terminal: Terminal) -> None:
    assert "is let in" in await terminal.say("explain", "login", "bob")
    assert "refused by login" in await terminal.say("explain", "login", "eve")


async def test_suspense_and_outbox_are_empty_at_first(terminal: Terminal) -> None:
    assert "No entries." in await terminal.say("suspense", "list")
    assert json.loads(await terminal.say("outbox", "list", "--json")) == []


async def test_a_reader_reads_and_changes_nothing(tmp_path: Path) -> None:
    async with served_daemon(tmp_path, peer=CLERK) as daemon:
        clerk = Terminal(tmp_path, daemon)
        await clerk.say("status")
        result = await clerk.run("drain")
        assert result.exit_code == 1
        assert "carl may not run `drain`" in result.output
        assert "operators" in result.output
        assert daemon.drained_by == ""


async def test_wrong_usage_is_exit_2(terminal: Terminal) -> None:
    assert (await terminal.run("balance")).exit_code == 2
    assert (await terminal.run("balance", "5", "--login", "bob")).exit_code == 2
    assert (await terminal.run("no-such-command")).exit_code == 2


def test_no_daemon_is_exit_3_and_names_the_socket(tmp_path: Path) -> None:
    path = tmp_path / "nobody.sock"
    result = CliRunner().invoke(main, ["--socket", str(path), "status"])
    assert result.exit_code == 3
    assert str(path) in result.output
    assert "start aaad" in result.output


async def test_the_books_are_checked_and_a_broken_invariant_is_named(terminal: Terminal) -> None:
    account_id = await terminal.register()
    assert "The books are right." in await terminal.say("store", "check")

    async with terminal.daemon.store.transaction() as tx:
        await tx.execute("add_to_balance", (account_id, "USD", 5))
    result = await terminal.run("store", "check")
    assert result.exit_code == 1
    assert str(account_id) in result.output
