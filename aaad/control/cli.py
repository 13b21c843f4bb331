"""`aaactl`: the operators' and support staff's command.

The tables below name every command, its module and its one-line help, so that `aaactl --help`
loads none of them: it has to answer at once, also over a slow line in the middle of an incident.
A module is imported when its command runs. Exit codes: 0 done, 1 the command failed or the answer
is no, 2 wrong usage, 3 nobody answered.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:  # what the table below loads, for those who follow imports
    from aaad.control import (  # noqa: F401
        cli_accounts,
        cli_backup,
        cli_daemon,
        cli_explain,
        cli_journal,
        cli_money,
        cli_packet,
        cli_pricelist,
        cli_quota,
        cli_rate,
        cli_services,
        cli_sessions,
        cli_store,
    )

EXIT_FAILED = 1
EXIT_UNREACHABLE = 3

COMMANDS = {
    "status": ("cli_daemon:status", "What the daemon does and what needs attention."),
    "sessions": ("cli_sessions:sessions", "The sessions that run now."),
    "session": ("cli_sessions:session", "One session: what it costs so far, and why."),
    "disconnect": ("cli_sessions:disconnect", "Send a Disconnect-Request for a session."),
    "client": ("cli_daemon:client", "Who sends us packets."),
    "nas": ("cli_daemon:nas", "Who serves the users."),
    "account": (
        "cli_accounts:account",
        "Customers: register, show, set, suspend, reopen, promise, close.",
    ),
    "service": ("cli_services:service", "What logs in: add, set, password, suspend, reopen."),
    "limit": ("cli_services:limit", "Own limits of an account or a service, and top-ups."),
    "bill": ("cli_money:bill", "What was billed."),
    "payment": ("cli_money:payment", "What was paid: add, list, reverse."),
    "balance": ("cli_accounts:balance", "What an account owes, its usage and its limits."),
    "events": ("cli_accounts:events", "What happened to an account, and who did it."),
    "suspense": ("cli_accounts:suspense", "Accounting records that fit nothing."),
    "outbox": ("cli_accounts:outbox", "Mails, hooks and orders that wait to be carried out."),
    "store": ("cli_store:store", "The books: check every invariant, copy, distribute."),
    "backup": ("cli_backup:backup", "Write the books into a folder. No daemon needed."),
    "restore": ("cli_backup:restore", "Bring a backup into an empty store."),
    "pricelist": ("cli_pricelist:pricelist", "Check, load and show price lists."),
    "rate": ("cli_rate:rate", "What a session would cost, and why. No daemon needed."),
    "quota": ("cli_quota:quota", "How long, or how much, an amount buys. No daemon needed."),
    "explain": ("cli_explain:explain", "Why a login is refused, why a charge is what it is."),
    "packet": ("cli_packet:packet", "Dissect, make and send RADIUS packets. No daemon needed."),
    "reload": ("cli_daemon:reload", "Read clients, dictionaries and price list again."),
    "drain": ("cli_daemon:drain", "Finish what is under way and end the daemon."),
    "clock": ("cli_daemon:clock", "Show, and in tests set, the daemon's clock."),
    "journal": ("cli_journal:journal", "List, verify and replay the journal. No daemon needed."),
}
"""Name -> (module:attribute within aaad.control, help). `tests/unit/test_control_cli.py` loads
each.
"""


class LazyGroup(click.Group):
    """click's group over `COMMANDS`; a command's module is imported when the command is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in the table's order: by what people need first."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, or None for click to complain."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command = getattr(import_module(f"aaad.control.{module}"), attribute)
        assert isinstance(command, click.Command), f"{cmd_name} names no command"
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list in `--help`, from the table and without one import."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_line) for name, (_, help_line) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--socket",
    "socket_path",
    type=click.Path(path_type=Path),
    help="The daemon's control socket (default: that of --config, else /run/aaad/control.sock).",
)
@click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The daemon's configuration, to learn its control socket, store and journal from.",
)
@click.pass_context
def main(ctx: click.Context, socket_path: Path | None, config_path: Path | None) -> None:
    """Operate aaad: its daemon, customers, price lists and packets.

    Every reading command takes --json. Exit codes: 0 done, 1 failed or refused, 2 wrong usage,
    3 nobody answered.
    """
    ctx.obj = (socket_path, config_path)


if __name__ == "__main__":
    main()
