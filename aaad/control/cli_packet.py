"""`aaactl packet`: RADIUS packets dissected, made and sent. Needs no daemon."""

from __future__ import annotations

import re
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

import click

from aaad.control.cli import EXIT_FAILED, EXIT_UNREACHABLE
from aaad.control.cli_output import fail, json_option, line, show, table
from aaad.control.exchange import (
    POSITIVE_CODES,
    SIGNED,
    Answer,
    PacketKind,
    exchange,
    make_request,
)
from aaad.radius import attribute_types as types
from aaad.radius.attributes import Row, dissect
from aaad.radius.codes import Code
from aaad.radius.dictionary import Dictionary, DictionaryError, load_dictionary
from aaad.radius.errors import REMEDY, DiscardReason
from aaad.radius.packet import Packet, Secret
from ledger.addresses import Endpoint, parse_endpoint

INPUT_OCTETS_MAX = 65_536
"""Octets of input: a packet of 4096 octets in hexadecimal, or its pairs, with room."""

SECRET_OCTETS_MAX = 4096
"""A longer file is not a secret but the wrong file."""

TRIES_MAX = 20
TIMEOUT_MAX_S = 60.0

secret_option = click.option(
    "--secret-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="File that holds the shared secret; a line end at its end does not count.",
)
dictionary_option = click.option(
    "--dictionary",
    "dictionary_paths",
    type=click.Path(path_type=Path, exists=True),
    multiple=True,
    help="FreeRADIUS dictionary, file or folder, beside the built-in ones; may be repeated.",
)
sign_option = click.option(
    "--message-authenticator/--no-message-authenticator",
    "sign",
    default=None,
    help="Sign the request (default: auth and status).",
)


@click.group()
def packet() -> None:
    """RADIUS packets: dissect, make and send."""


@packet.command("decode")
@click.argument("hexadecimal")
@secret_option
@dictionary_option
@json_option
def decode_packet(
    *, hexadecimal: str, secret_file: Path | None, dictionary_paths: tuple[Path, ...], as_json: bool
) -> None:
    """Dissect a packet given in HEXADECIMAL, or on stdin with `-`; nothing is too broken for it.

    With its secret the password is shown and the signatures are checked.
    """
    if hexadecimal == "-":
        hexadecimal = _standard_input()
    data = read_hexadecimal(hexadecimal)
    secret = None if secret_file is None else read_secret(secret_file)
    rows = dissect(data, _dictionary(dictionary_paths), secret)
    show([asdict(row) for row in rows], as_json=as_json, human=_print_rows)


@packet.command("encode")
@click.argument("kind", type=click.Choice([kind.value for kind in PacketKind]))
@secret_option
@dictionary_option
@sign_option
def encode_packet(
    *, kind: str, secret_file: Path | None, dictionary_paths: tuple[Path, ...], sign: bool | None
) -> None:
    """Make a request of KIND from the pairs on stdin (`User-Name = "bob"`) and print it in hex."""
    request = _request(PacketKind(kind), secret_file, dictionary_paths, sign)[0]
    click.echo(request.hex())


@packet.command("send")
@click.argument("server")
@click.argument("kind", type=click.Choice([kind.value for kind in PacketKind]))
@secret_option
@dictionary_option
@sign_option
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(0.01, TIMEOUT_MAX_S),
    default=3.0,
    show_default=True,
    help="Seconds to wait after each try.",
)
@click.option(
    "--tries",
    type=click.IntRange(1, TRIES_MAX),
    default=3,
    show_default=True,
    help="Times that the request is sent.",
)
@json_option
def send_packet(
    *,
    server: str,
    kind: str,
    secret_file: Path | None,
    dictionary_paths: tuple[Path, ...],
    sign: bool | None,
    timeout_s: float,
    tries: int,
    as_json: bool,
) -> None:
    """Send a request of KIND with the pairs on stdin to SERVER (ADDRESS:PORT); show the answer.

    Exit 0 when it accepts or acknowledges, 1 when it refuses, 3 when nothing authentic arrives.
    """
    endpoint = _endpoint(server)
    request, secret, dictionary = _request(PacketKind(kind), secret_file, dictionary_paths, sign)
    try:
        answer = exchange(request, endpoint, secret=secret, timeout_s=timeout_s, tries=tries)
    except OSError as error:
        fail(f"{endpoint} cannot be sent to: {error}", exit_code=EXIT_UNREACHABLE)
    if answer.packet is None:
        _fail_unanswered(endpoint, answer)
    rows = dissect(answer.packet.data, dictionary, secret)
    report = {
        "code": Code(answer.packet.code).name.replace("_", "-").title(),
        "sent": answer.sent,
        "waited_ms": answer.waited_ms,
        "signed": answer.packet.has(types.MESSAGE_AUTHENTICATOR),
        "attributes": [asdict(row) for row in _attribute_rows(rows)],
    }
    show(report, as_json=as_json, human=lambda shown: _print_answer(shown, endpoint, kind))
    raise SystemExit(0 if is_positive(answer.packet) else EXIT_FAILED)


def is_positive(answer: Packet) -> bool:
    """Whether an answer accepts or acknowledges."""
    return answer.code in POSITIVE_CODES


def read_hexadecimal(text: str) -> bytes:
    """The octets of a hex dump; blanks, line ends, colons and a leading 0x do not count."""
    if len(text) > INPUT_OCTETS_MAX:
        raise click.UsageError(f"more than {INPUT_OCTETS_MAX} characters are no RADIUS packet")
    digits = re.sub(r"[\s:]", "", text).removeprefix("0x")
    try:
        return bytes.fromhex(digits)
    except ValueError:
        raise click.UsageError(
            "the packet is not hexadecimal; give an even number of digits, as tcpdump -x shows"
        ) from None


def read_secret(path: Path) -> Secret:
    """The shared secret in a file."""
    with path.open("rb") as file:
        value = file.read(SECRET_OCTETS_MAX + 1).removesuffix(b"\n").removesuffix(b"\r")
    if not 0 < len(value) <= SECRET_OCTETS_MAX:
        fail(f"{path}: {len(value)} octets are no shared secret", remedy="write the secret there")
    return Secret(value)


def _request(
    kind: PacketKind,
    secret_file: Path | None,
    dictionary_paths: tuple[Path, ...],
    sign: bool | None,
) -> tuple[bytes, Secret, Dictionary]:
    if secret_file is None:
        raise click.UsageError("a request is signed: name the secret's file with --secret-file")
    secret = read_secret(secret_file)
    dictionary = _dictionary(dictionary_paths)
    pairs = _standard_input()
    signed = kind in SIGNED if sign is None else sign
    try:
        request = make_request(
            kind, pairs, secret=secret, dictionary=dictionary, message_authenticator=signed
        )
    except ValueError as error:
        for mistake in str(error).splitlines():
            line(mistake, to_stderr=True)
        fail("the request cannot be made", exit_code=2)
    return request, secret, dictionary


def _dictionary(paths: tuple[Path, ...]) -> Dictionary:
    try:
        return load_dictionary(paths)
    except DictionaryError as error:
        fail(str(error))


def _standard_input() -> str:
    """What was piped in, octets that are no UTF-8 included; one character beyond the bound."""
    return sys.stdin.buffer.read(INPUT_OCTETS_MAX + 1).decode("utf-8", "surrogateescape")


def _endpoint(text: str) -> Endpoint:
    try:
        return parse_endpoint(text)
    except ValueError as error:
        raise click.UsageError(
            f"{text!r} {error}; write 192.0.2.1:1812 or [2001:db8::1]:1812"
        ) from None


def _attribute_rows(rows: list[Row]) -> list[Row]:
    """The rows of a packet that was verified: what follows its header, without the verdict."""
    return [row for row in rows if row.offset >= 20]


def _print_rows(rows: Any) -> None:
    cells = [(one["offset"], one["name"], one["meaning"], one["raw"]) for one in rows]
    table(("at", "field", "meaning", "octets"), cells, right="at")


def _print_answer(report: Any, server: Endpoint, kind: str) -> None:
    times = "" if report["sent"] == 1 else f" after {report['sent']} tries"
    line(f"{server} answers {report['code']} in {report['waited_ms']} ms{times}")
    for one in report["attributes"]:
        line(f"  {one['name']} = {one['meaning']}")
    if kind == PacketKind.AUTH and not report["signed"]:
        line("ATTENTION: the answer has no Message-Authenticator and can be forged (CVE-2024-3596)")


def _fail_unanswered(server: Endpoint, answer: Answer) -> NoReturn:
    for reason, count in answer.discarded.items():
        line(f"{count} datagrams passed over: {_reason(reason)}", to_stderr=True)
    fail(
        f"{server} gave no authentic answer to {answer.sent} tries in {answer.waited_ms} ms",
        remedy="is it running, is our address one of its clients, and is the secret the same?",
        exit_code=EXIT_UNREACHABLE,
    )


def _reason(reason: str) -> str:
    if reason in set(DiscardReason):
        return f"{reason}; {REMEDY[DiscardReason(reason)]}"
    return "nobody listens at that port"
