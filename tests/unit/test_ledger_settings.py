"""Proves that the configuration loads as documented, and that every kind of mistake is reported
with its file, key and remedy, all mistakes of a file at once, and without showing a secret.
"""

from __future__ import annotations

import dataclasses
import re
import tomllib
from pathlib import Path

import pytest

from ledger import settings as module
from ledger.addresses import Endpoint
from ledger.clients import SessionCount
from ledger.document import FINDINGS_MAX
from ledger.logs import LogLevel
from ledger.rules.logins import CaseRule, RealmRule
from ledger.settings import Settings, SettingsError, load_settings

CONF = Path(__file__).parents[2] / "conf" / "aaad.toml"

MINIMAL = """
[store]
url = "sqlite:///aaad.db"
[journal]
folder = "journal"
[seal]
key_file = "seal-key"
"""

CLIENT = """
[[clients]]
name = "lab"
prefixes = ["192.0.2.0/24"]
secret_file = "lab"
"""


def write_secret(folder: Path, name: str, content: bytes) -> None:
    path = folder / name
    path.write_bytes(content)
    path.chmod(0o600)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_secret(tmp_path, "seal-key", b"00112233445566778899aabbccddeeff" * 2 + b"\n")
    for name in ("lab", "terminal-servers", "isp1-proxy", "bras-1-dynauth", "store-password"):
        write_secret(tmp_path, name, f"secret of {name}\n".encode())
    return tmp_path


def load(folder: Path, text: str) -> Settings:
    path = folder / "aaad.toml"
    path.write_text(text, "utf-8")
    return load_settings(path)


def mistakes(folder: Path, text: str) -> list[str]:
    """The findings about a text, without the name of the file, which each must begin with."""
    with pytest.raises(SettingsError) as caught:
        load(folder, text)
    shown = str(caught.value).splitlines()
    assert len(shown) == len(caught.value.findings)
    start = f"{folder / 'aaad.toml'}: "
    assert all(line.startswith(start) for line in shown)
    return [line.removeprefix(start) for line in shown]


def example(folder: Path) -> str:
    """conf/aaad.toml with the secrets of the test."""
    return CONF.read_text("utf-8").replace("/run/credentials/aaad.service", str(folder))


def test_the_example_loads(folder: Path) -> None:
    settings = load(folder, example(folder))
    assert settings.store.url == "sqlite:////var/lib/aaad/aaad.db"
    assert settings.metrics.listen == Endpoint("127.0.0.1", 9812)
    assert settings.brands["isp1"].realm is RealmRule.STRIP
    client = settings.clients.lookup(bytes((192, 0, 2, 9)))
    assert client is not None
    assert (client.name, client.secret, client.brand) == (
        "terminal-servers",
        b"secret of terminal-servers",
        "default",
    )
    nas = settings.nas("bras-1")
    assert nas.dynauth is not None
    assert (nas.dynauth.address, nas.dynauth.port, nas.adopt_from) == (
        "192.0.2.1",
        3799,
        1_767_225_600,
    )


def test_the_example_shows_every_default_as_it_is(folder: Path) -> None:
    """Each commented key is a real one, and its value is the default: both load to the same."""
    text = example(folder)
    examples_only = ("password_file", "clock_file", "source = ")
    shown = re.sub(
        r"^# ([a-z_0-9]+ = \S.*)$",
        lambda match: match[0] if match[1].startswith(examples_only) else match[1],
        text,
        flags=re.MULTILINE,
    )
    assert shown.count("\n# ") < text.count("\n# ") - 30
    first, second = load(folder, text), load(folder, shown)
    for section in dataclasses.fields(Settings):
        if section.name != "clients":
            assert getattr(first, section.name) == getattr(second, section.name), section.name
    assert first.clients.clients == second.clients.clients


def test_the_example_mentions_every_setting(folder: Path) -> None:
    """Every key that the reader asks for stands in the example: there is no hidden setting."""
    text = example(folder)
    uncommented = re.sub(r"^# ([a-z_0-9]+ = \S.*)$", r"\1", text, flags=re.MULTILINE)
    uncommented = uncommented.replace("clock = false", "clock = true")
    load(folder, uncommented)  # all keys at once are no mistake either
    present = _keys(tomllib.loads(uncommented))
    read = _keys_that_are_read()
    assert len(read) > 55
    assert read - present == set()


def _keys_that_are_read() -> set[str]:
    """Quoted names in the readers that are passed to a reading method of a table."""
    folder = Path(module.__file__).parent
    sources = "".join((folder / name).read_text() for name in ("settings.py", "clients.py"))
    call = r"\.(?:text|optional_text|integer|boolean|choice|instant|parsed|texts|parsed_each|table"
    call += r"|tables|named_tables)\(\s*\"([a-z_0-9]+)\""
    own = r"(?:_size|_endpoints)\(\s*table, \"([a-z_0-9]+)\""
    files = r"\.(?:read|read_optional|read_key)\(\s*[^\"]*?[, ]\"([a-z_0-9]+)\""
    return {key for pattern in (call, own, files) for key in re.findall(pattern, sources)}


def _keys(content: object) -> set[str]:
    if isinstance(content, dict):
        return set(content) | {key for value in content.values() for key in _keys(value)}
    if isinstance(content, list):
        return {key for value in content for key in _keys(value)}
    return set()


def test_defaults_of_a_minimal_file(folder: Path) -> None:
    settings = load(folder, MINIMAL)
    assert settings.radius.authentication == (Endpoint("0.0.0.0", 1812), Endpoint("::", 1812))
    assert settings.radius.reject_delay_ms == module.REJECT_DELAY_DEFAULT_MS
    assert settings.journal.folder == folder / "journal"
    assert settings.journal.segment_size == 64 * 1024 * 1024
    assert settings.seal.key == bytes.fromhex("00112233445566778899aabbccddeeff" * 2)
    assert settings.log.level is LogLevel.INFO
    assert settings.clock.file is None
    assert settings.metrics.listen is None
    assert settings.brands["default"].case is CaseRule.FOLD
    assert settings.clients.lookup(bytes(4)) is None
    assert settings.nas("unheard of").dynauth is None
    assert settings.nas("unheard of").counts is SessionCount.BOTH


def test_secrets_are_not_in_the_repr(folder: Path) -> None:
    text = MINIMAL.replace("[journal]", 'password_file = "store-password"\n[journal]') + CLIENT
    settings = load(folder, text)
    assert settings.store.password == b"secret of store-password"
    shown = repr(settings) + repr(settings.clients.clients)
    assert "secret of" not in shown
    assert repr(settings.seal.key) not in shown


@pytest.mark.parametrize(
    ("added", "expected"),
    [
        (
            "[radius]\nreject_delay_ms = 10001",
            "radius.reject_delay_ms = 10001: is out of range; wri",
        ),
        (
            '[radius]\nreject_delay_ms = "1 s"',
            'radius.reject_delay_ms = "1 s": is a string, not an integer',
        ),
        (
            "[radius]\nreject_delay_ms = true",
            "radius.reject_delay_ms = true: is a boolean, not an int",
        ),
        (
            "[radius]\nreject_delay_ms = 1.5",
            "radius.reject_delay_ms = 1.5: is a float, not an integer; wr",
        ),
        (
            "[radius]\nreject_dely_ms = 10",
            "radius.reject_dely_ms: is an unknown key; did you mean r",
        ),
        (
            "[radius]\nxyz = 10",
            "radius.xyz: is an unknown key; remove it, or use one of: accounting",
        ),
        ("[rdius]\nxyz = 10", "rdius: is an unknown key; did you mean radius?"),
        ("radius = 5", "radius = 5: is not a table; write [radius]"),
        ("[radius]\naccounting = 5", "radius.accounting = 5: is not an array of strings; write ["),
        (
            '[radius]\naccounting = ["::1:1813"]',
            'radius.accounting = "::1:1813": has its brackets w',
        ),
        (
            '[radius]\naccounting = ["[::1]"]',
            'radius.accounting = "[::1]": has no port from 0 to 6',
        ),
        (
            '[radius]\naccounting = ["a:1"]',
            'radius.accounting = "a:1": is not an IP address and a p',
        ),
        (
            "[radius]\naccounting = []",
            "radius.accounting = []: names no endpoint; leave the key out",
        ),
        (
            '[radius]\naccounting = ["[::]:1812"]',
            "radius.accounting = [...]: [::]:1812 is in authentication too; use another port",
        ),
        (
            '[radius]\naccounting = ["[::]:1", "[0::]:1"]',
            "radius.accounting = [...]: names [::]:1 twice; name each endpoint once",
        ),
        (
            "[radius]\nduplicate_lifetime_s = 1",
            "radius.duplicate_lifetime_s = 1: ends before a delayed reject is sent; make it longer",
        ),
        (
            '[radius]\nreceive_buffer = "1 kB"',
            'radius.receive_buffer = "1 kB": is not within 65536',
        ),
        (
            '[radius]\nreceive_buffer = "1 mb"',
            'radius.receive_buffer = "1 mb": has the unknown uni',
        ),
        (
            "[enforcement]\ntimeout_max_ms = 200",
            "enforcement.timeout_max_ms = 200: is below first_",
        ),
        (
            '[enforcement]\nsource_addresses = ["::1", "::2"]',
            "enforcement.source_addresses = [...]: has two of one family; name one IPv4 and one IP",
        ),
        (
            '[log]\nlevel = "loud"',
            'log.level = "loud": is not known; write one of "debug", "info", ',
        ),
        ("[test]\nclock = true", "test.clock = true: has no clock_file; name a file where the set"),
        (
            '[brands.x]\nrealm = "cut"',
            'brands.x.realm = "cut": is not known; write one of "keep", "',
        ),
        ('[dictionaries]\nfiles = ["no"]', "dictionaries.files: "),
        ('[dictionaries]\nfolders = ["no"]', "dictionaries.folders: "),
        ('[control]\nsocket = ""', 'control.socket = "": is empty; give it a value'),
        (
            '[control]\nreading_group = "a\\u0000b"',
            'control.reading_group = "a\\x00b": holds contro',
        ),
    ],
)
def test_each_mistake_names_key_value_and_remedy(folder: Path, added: str, expected: str) -> None:
    prepend = "=" in added.partition("\n")[0]  # a key of the root stands before all tables
    text = f"{added}\n{MINIMAL}" if prepend else f"{MINIMAL}\n{added}\n"
    (found,) = mistakes(folder, text)
    assert found.startswith(expected), found
    assert "; " in found


@pytest.mark.parametrize(
    ("changed", "to", "expected"),
    [
        (
            '"192.0.2.0/24"',
            '"192.0.2.1/24"',
            "has bits beyond its length (the prefix is 192.",
        ),
        ('"192.0.2.0/24"', '"::ffff:192.0.2.0/120"', "is an IPv4-mapped prefix"),
        ('"192.0.2.0/24"', '"lab"', 'clients[1].prefixes = "lab": is not an address or prefix'),
        ('["192.0.2.0/24"]', "[]", "clients[1].prefixes = []: names no source"),
        ('["192.0.2.0/24"]', '["192.0.2.0", "192.0.2.0/32"]', "192.0.2.0/32 is also in clients[1]"),
        ('prefixes = ["192.0.2.0/24"]', "", "clients[1].prefixes: names no source"),
        ('name = "lab"', "", "clients[1].name: is missing"),
        ('secret_file = "lab"', "", "clients[1].secret_file: is missing"),
        (
            'secret_file = "lab"',
            'secret_file = "none"',
            'clients[1].secret_file = "none": cannot be r',
        ),
        (
            'secret_file = "lab"',
            'secret_file = "."',
            'clients[1].secret_file = ".": cannot be read at',
        ),
        (
            'secret_file = "lab"',
            'secret_file = "lab"\nbrand = "x"',
            'clients[1].brand = "x": is no br',
        ),
    ],
)
def test_each_mistake_of_a_client(folder: Path, changed: str, to: str, expected: str) -> None:
    assert changed in CLIENT
    (found,) = mistakes(folder, MINIMAL + CLIENT.replace(changed, to))
    assert expected in found
    assert found.startswith("clients[1].")


def test_a_client_or_prefix_twice_names_the_first(folder: Path) -> None:
    found = mistakes(folder, MINIMAL + CLIENT + CLIENT)
    assert found == [
        'clients[2].name = "lab": is also the name of clients[1]; give each its own',
        "clients[2].prefixes = [...]: 192.0.2.0/24 is also in clients[1]; keep it in one place",
    ]


def test_a_secret_written_into_the_configuration_is_not_shown(folder: Path) -> None:
    found = mistakes(folder, MINIMAL + CLIENT + 'secret = "hunter2"\n')
    assert found == ["clients[1].secret: is an unknown key; did you mean secret_file?"]
    in_url = MINIMAL.replace("sqlite:///aaad.db", "postgresql://aaad:hunter2@db/aaad")
    (about_url,) = mistakes(folder, in_url)
    assert about_url == ("store.url: holds a password; put it in a file that password_file names")


def test_an_unknown_store(folder: Path) -> None:
    for url in ("mysql://db/aaad", "//[", "aaad.db"):
        (found,) = mistakes(folder, MINIMAL.replace("sqlite:///aaad.db", url))
        assert found.startswith("store.url: names no known store; write sqlite:///var")


@pytest.mark.parametrize(
    ("content", "mode", "expected"),
    [
        (b"", 0o600, "is empty; put 1 to 4096 octets there"),
        (b"\n", 0o600, "is empty; put 1 to 4096 octets there"),
        (b"x" * 4097, 0o600, "is too large; put 1 to 4096 octets there"),
        (b"secret", 0o644, "is readable by everybody; run: chmod o-r "),
    ],
)
def test_each_mistake_of_a_secret_file(
    folder: Path, content: bytes, mode: int, expected: str
) -> None:
    write_secret(folder, "lab", content)
    (folder / "lab").chmod(mode)
    (found,) = mistakes(folder, MINIMAL + CLIENT)
    assert found.startswith('clients[1].secret_file = "lab": ')
    assert expected in found


@pytest.mark.parametrize("content", [b"00" * 31, b"00" * 33, b"zz" * 32, b"\xff" * 32])
def test_a_seal_key_of_a_wrong_size(folder: Path, content: bytes) -> None:
    write_secret(folder, "seal-key", content)
    assert mistakes(folder, MINIMAL) == [
        'seal.key_file = "seal-key": is not a key of 64 hexadecimal digits; '
        "make one with: openssl rand -hex 32"
    ]


NAS = """
[[nases]]
name = "bras-1"
"""


@pytest.mark.parametrize(
    ("added", "expected"),
    [
        (
            "adopt_from = 2026-01-01T00:00:00",
            "nases[1].adopt_from = 2026-01-01T00:00:00: has no offs",
        ),
        (
            "adopt_from = 2026-01-01",
            "nases[1].adopt_from = 2026-01-01: is a date or time, not a da",
        ),
        ('adopt_from = "2026"', 'nases[1].adopt_from = "2026": is a string, not a date-time; wr'),
        (
            'counts = "all"',
            'nases[1].counts = "all": is not known; write one of "both", "parent", "c',
        ),
        (
            "line_rate_bps = 0",
            "nases[1].line_rate_bps = 0: is out of range; write an integer from 1 ",
        ),
        (
            "dynauth = 5",
            "nases[1].dynauth = 5: is not a table; write [nases[1].dynauth] and its keys",
        ),
        (
            'dynauth = { address = "x", secret_file = "lab" }',
            'nases[1].dynauth.address = "x": is not an IP address; write an address as "192.0.2.1"',
        ),
        (
            'dynauth = { secret_file = "lab" }',
            "nases[1].dynauth.address: is missing; write an addr",
        ),
    ],
)
def test_each_mistake_of_a_nas(folder: Path, added: str, expected: str) -> None:
    found = mistakes(folder, MINIMAL + NAS + added + "\n")
    assert any(line.startswith(expected) for line in found), found


def test_a_nas_is_known_by_its_canonical_address(folder: Path) -> None:
    settings = load(
        folder, MINIMAL + NAS.replace("bras-1", "2001:DB8::0:1") + "line_rate_bps = 9\n"
    )
    assert settings.nas("2001:db8::1").line_rate_bps == 9
    twice = MINIMAL + NAS.replace("bras-1", "::1") + NAS.replace("bras-1", "0::1")
    assert mistakes(folder, twice) == [
        'nases[2].name = "0::1": is also the name of nases[1]; give each its own'
    ]


def test_all_mistakes_are_shown_at_once(folder: Path) -> None:
    text = """
    surprise = 1
    [store]
    [radius]
    reject_delay_ms = -1
    authentication = ["nowhere", "0.0.0.0:99999"]
    [log]
    level = 3
    [[clients]]
    prefixes = ["10.0.0.0/33"]
    secret_file = "absent"
    brand = "nobody"
    [[nases]]
    name = ""
    """
    keys = [line.split(":")[0].split(" = ")[0] for line in mistakes(folder, text)]
    assert sorted(keys) == sorted(
        [
            "surprise",
            "store.url",
            "journal.folder",
            "seal.key_file",
            "radius.reject_delay_ms",
            "radius.authentication",
            "radius.authentication",
            "log.level",
            "clients[1].name",
            "clients[1].prefixes",
            "clients[1].secret_file",
            "clients[1].brand",
            "nases[1].name",
        ]
    )


def test_a_flood_of_mistakes_is_bounded_and_counted(folder: Path) -> None:
    found = mistakes(folder, MINIMAL + "".join(f"key{number} = 1\n" for number in range(500)))
    assert len(found) == FINDINGS_MAX + 1
    assert found[-1] == "(more): 300 more findings are not shown; correct those above first"


def test_a_file_that_is_no_toml_names_the_line(folder: Path) -> None:
    found = mistakes(folder, "[store]\nurl = oops\n")
    assert found[0].startswith("(TOML): cannot be read: Invalid value (at line 2, column 7); ")


def test_a_file_that_cannot_be_opened(folder: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(folder / "absent.toml")
    first = caught.value.findings[0]
    assert (first.key, first.problem) == ("(file)", "cannot be opened: No such file or directory")
    (folder / "aaad.toml").write_bytes(b"# \xff\n")
    with pytest.raises(SettingsError) as caught:
        load_settings(folder / "aaad.toml")
    assert caught.value.findings[0].problem == "is not UTF-8 at octet 2"


def test_a_terminal_escape_in_the_file_is_shown_escaped(folder: Path) -> None:
    (found,) = mistakes(folder, MINIMAL + '[log]\nlevel = "\\u001b[2J\\u202e"\n')
    assert found.startswith('log.level = "\\x1b[2J\\u202e": is not known')
