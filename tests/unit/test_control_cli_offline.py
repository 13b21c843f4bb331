"""Proves the commands of aaactl that need no daemon: rate, pricelist, packet and journal, on real
files and real sockets; and that `aaactl --help` loads nothing heavy.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from aaad.control import (  # noqa: F401 - the modules under test, loaded by the table
    cli_choices,
    cli_journal,
    cli_output,
    cli_packet,
    cli_pricelist,
    cli_rate,
    exchange,
    reply_check,
)
from aaad.control.cli import COMMANDS, LazyGroup, main
from aaad.control.client import SOCKET_PATH_DEFAULT
from aaad.radius.codes import Code
from aaad.radius.packet import Secret, decode, encode_reply
from aaad.server.journal_format import SegmentHeader, salt_of
from aaad.server.journal_segments import SegmentWriter
from ledger.settings import CONTROL_SOCKET_DEFAULT
from tests.journal_frames import encode_record, start_group

ROOT = Path(__file__).parents[2]
DIALUP = ROOT / "conf" / "pricelist" / "dialup.toml"
SECRET = b"testing123"


def run(*arguments: str, typed: str | bytes = "") -> Result:
    """One command."""
    return CliRunner().invoke(main, arguments, input=typed)


def rate(start: str, seconds: int, *more: str, pricelist: Path = DIALUP) -> Result:
    """`aaactl rate` of the worked example."""
    return run(
        *("rate", "--pricelist", str(pricelist), "--tariff", "weekday-hours"),
        *("--start", start, "--seconds", str(seconds), *more),
    )


@pytest.fixture
def secret_file(tmp_path: Path) -> str:
    path = tmp_path / "secret"
    path.write_bytes(SECRET + b"\n")
    return str(path)


def test_every_command_of_the_table_loads() -> None:
    group = LazyGroup("aaactl")
    for name in COMMANDS:
        command = group.get_command(None, name)  # type: ignore[arg-type]
        assert command is not None
        assert command.name == name
        assert run(name, "--help").exit_code == 0


def test_help_loads_nothing_heavy() -> None:
    """What makes the start slow is what is imported, and that does not depend on the machine."""
    program = (
        "import sys; from aaad.control.cli import main; main(['--help'], standalone_mode=False); "
        "heavy = {'rich', 'msgpack', 'structlog', 'asyncio', 'aiosqlite', 'pyrad', 'ledger'}; "
        "sys.exit(sorted(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "pricelist" in done.stdout


def test_the_default_socket_is_the_daemons() -> None:
    assert str(SOCKET_PATH_DEFAULT) == CONTROL_SOCKET_DEFAULT


# --- rate ---


@pytest.mark.parametrize(
    ("start", "seconds", "total"),
    [
        ("2026-03-13T22:00", 3 * 3600, 2_000_000),
        ("2026-03-13T22:00-04:00", 3 * 3600, 2_000_000),
        ("2026-03-14T02:00Z", 3 * 3600, 2_000_000),
        ("2026-03-06T22:00", 50 * 3600, 3_000_000),
        ("2026-10-30T22:00", 52 * 3600, 3_000_000),
        ("2026-03-13T22:00", 0, 0),
    ],
)
def test_rate_gives_the_worked_example(start: str, seconds: int, total: int) -> None:
    result = rate(start, seconds, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.output)["charge_micros"] == total


def test_rate_says_why() -> None:
    output = rate("2026-03-13T22:00", 3 * 3600).output
    assert "Friday 22:00-24:00 weekday: 2 h 0 min at 1.00 USD per hour = 2.00 USD" in output
    assert "Saturday 00:00-01:00 weekend: 1 h 0 min free = 0.00 USD" in output
    assert "total: 2.00 USD" in output


@pytest.mark.parametrize(
    ("start", "why"),
    [
        ("2026-03-08T02:30", "does not exist"),
        ("2026-11-01T01:30", "write 2026-11-01T01:30-04:00 or 2026-11-01T01:30-05:00"),
        ("yesterday", "no ISO 8601"),
    ],
)
def test_rate_refuses_an_unclear_start(start: str, why: str) -> None:
    result = rate(start, 60)
    assert result.exit_code == 2
    assert why in result.output


def test_rate_by_the_accounts_clock_needs_its_zone(tmp_path: Path) -> None:
    pricelist = tmp_path / "account.toml"
    text = DIALUP.read_text().replace('zone = "America/New_York"', 'zone = "account"')
    pricelist.write_text(text)
    missing = rate("2026-03-13T22:00", 3600, pricelist=pricelist)
    assert (missing.exit_code, "--zone" in missing.output) == (2, True)
    berlin = rate("2026-03-13T22:00", 3 * 3600, "--zone", "Europe/Berlin", pricelist=pricelist)
    assert "total: 2.00 USD" in berlin.output
    assert rate("2026-03-13T22:00", 60, "--zone", "Europe/Berlin").exit_code == 2


def test_rate_names_the_tariffs_there_are() -> None:
    arguments = ("rate", "--pricelist", str(DIALUP), "--tariff", "x", "--start", "2026-01-01T00:00")
    result = run(*arguments, "--seconds", "1")
    assert result.exit_code == 2
    assert "weekday-hours" in result.output


# --- pricelist ---


def test_pricelist_check_finds_every_mistake(tmp_path: Path) -> None:
    broken = tmp_path / "broken.toml"
    text = DIALUP.read_text().replace('"1.00"', '"1.0x"').replace("Framed-Protocol", "Framed-Prot")
    broken.write_text(text + "[offers.x]\ntarif = 1\n")
    result = run("pricelist", "check", str(broken))
    assert result.exit_code == 1
    for key in ("bands[2].prices[1].amount", "reply.Framed-Prot", "offers.x.tarif"):
        assert f"{broken}: " in result.output
        assert key in result.output
    findings = json.loads(run("pricelist", "check", str(broken), "--json").output)
    assert {"source", "key", "value", "problem", "remedy"} == set(findings[0])
    assert rate("2026-03-13T22:00", 1, pricelist=broken).exit_code == 1


@pytest.mark.parametrize("path", sorted(DIALUP.parent.glob("*.toml")), ids=lambda path: path.name)
def test_pricelists_of_conf_are_without_mistakes_and_shown(path: Path) -> None:
    checked = run("pricelist", "check", str(path))
    assert checked.exit_code == 0, checked.output
    assert "no mistakes" in checked.output
    shown = run("pricelist", "show", str(path))
    assert shown.exit_code == 0, shown.output
    assert "offer " in shown.output
    assert json.loads(run("pricelist", "show", str(path), "--json").output)["tariffs"]


def test_a_pricelist_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "binary.toml"
    path.write_bytes(b"\xff\xfe\x00")
    result = run("pricelist", "check", str(path))
    assert result.exit_code == 1
    assert "not UTF-8 at octet 0" in result.output


# --- packet ---


def test_packet_survives_encode_and_decode(secret_file: str) -> None:
    pairs = 'User-Name = "b\\x1bob"\nUser-Password = "hello"\nNAS-IP-Address = 192.0.2.7\n'
    encoded = run("packet", "encode", "auth", "--secret-file", secret_file, typed=pairs)
    assert encoded.exit_code == 0, encoded.output
    decoded = run("packet", "decode", "-", "--secret-file", secret_file, typed=encoded.output)
    assert decoded.exit_code == 0
    for shown in ("Access-Request (1)", '"hello"', "192.0.2.7", "signed with this secret"):
        assert shown in decoded.output
    assert "\x1b" not in decoded.output
    without = run("packet", "decode", encoded.output.strip(), "--json")
    assert "hello" not in without.output
    assert any(row["name"] == "User-Name" for row in json.loads(without.output))


@pytest.mark.parametrize("octets", ["", "01", "01 02:03", "0x" + "ff" * 40])
def test_no_octets_are_too_broken_to_dissect(octets: str) -> None:
    result = run("packet", "decode", octets)
    assert result.exit_code == 0
    assert "discarded" in result.output


def test_packet_input_that_makes_no_sense_is_wrong_usage(secret_file: str) -> None:
    assert run("packet", "decode", "xyz").exit_code == 2
    assert run("packet", "decode", "0" * 70_000).exit_code == 2
    mistakes = run(
        *("packet", "encode", "auth", "--secret-file", secret_file),
        typed="User-Nam = 1\nNAS-Port = x\n",
    )
    assert mistakes.exit_code == 2
    assert "line 1" in mistakes.output
    assert "line 2" in mistakes.output
    assert run("packet", "encode", "auth").exit_code == 2
    assert run("packet", "send", "localhost", "auth", "--secret-file", secret_file).exit_code == 2


@contextmanager
def server(code: Code, secret: bytes = SECRET) -> Iterator[str]:
    """A RADIUS server for one request, answering with `code`; its ADDRESS:PORT."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        udp.settimeout(10)

        def answer() -> None:
            datagram, client = udp.recvfrom(4096)
            udp.sendto(encode_reply(decode(datagram), code, b"", Secret(secret)), client)

        thread = threading.Thread(target=answer)
        thread.start()
        yield f"127.0.0.1:{udp.getsockname()[1]}"
        thread.join()


@pytest.mark.parametrize(
    ("kind", "code", "exit_code"),
    [
        ("auth", Code.ACCESS_ACCEPT, 0),
        ("auth", Code.ACCESS_REJECT, 1),
        ("acct", Code.ACCOUNTING_RESPONSE, 0),
        ("status", Code.ACCESS_ACCEPT, 0),
        ("disconnect", Code.DISCONNECT_ACK, 0),
        ("disconnect", Code.DISCONNECT_NAK, 1),
        ("coa", Code.COA_ACK, 0),
    ],
)
def test_packet_send_tells_the_answer(
    secret_file: str, kind: str, code: Code, exit_code: int
) -> None:
    with server(code) as address:
        result = run("packet", "send", address, kind, "--secret-file", secret_file)
    assert result.exit_code == exit_code, result.output
    assert code.name.replace("_", "-").title() in result.output


def test_packet_send_names_a_wrong_secret(secret_file: str) -> None:
    with server(Code.ACCESS_ACCEPT, secret=b"another") as address:
        result = run(
            *("packet", "send", address, "auth", "--secret-file", secret_file),
            *("--timeout", "0.3", "--tries", "1"),
        )
    assert result.exit_code == 3
    assert "bad_authenticator" in result.output


def test_packet_send_to_nobody_is_exit_3(secret_file: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{udp.getsockname()[1]}"
    result = run(
        *("packet", "send", address, "acct", "--secret-file", secret_file),
        *("--timeout", "0.05", "--tries", "2"),
    )
    assert result.exit_code == 3
    assert "2 tries" in result.output


# --- journal ---


@pytest.fixture
def journal_folder(tmp_path: Path) -> Path:
    """One segment with three records in three groups."""
    header = SegmentHeader(
        store_id="books",
        journal_number=0,
        first_lsn=1,
        previous_lsn=0,
        previous_received_us=0,
    )
    salt = salt_of("books", 0)
    writer = SegmentWriter.create(tmp_path, header, sync=os.fdatasync)
    for lsn in (1, 2, 3):
        writer.append(start_group(encode_record(lsn, lsn, 1, b"body" * 50, salt=salt), salt=salt))
    writer.close()
    return tmp_path


def test_journal_is_listed_and_verified(journal_folder: Path) -> None:
    listed = json.loads(run("journal", "list", str(journal_folder), "--json").output)
    assert [one["header"]["first_lsn"] for one in listed] == [1]
    verified = run("journal", "verify", str(journal_folder))
    assert verified.exit_code == 0, verified.output
    assert "3 records" in verified.output
    assert "books" in run("journal", "list", str(journal_folder)).output


def test_a_damaged_journal_is_exit_1(journal_folder: Path) -> None:
    (path,) = journal_folder.glob("*.log")
    content = bytearray(path.read_bytes())
    content[content.index(b"body")] ^= 1
    path.write_bytes(content)
    result = run("journal", "verify", str(journal_folder))
    assert result.exit_code == 1
    assert "damaged" in result.output


def test_an_empty_folder_holds_no_segments(tmp_path: Path) -> None:
    assert "No entries." in run("journal", "list", str(tmp_path)).output
    assert run("journal", "list", str(tmp_path / "gone")).exit_code == 2
