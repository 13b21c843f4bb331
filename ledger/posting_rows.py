"""What a batch of the daemon writes, as rows, each table's folded by key and in the key's order.

Pure, and compiled as it is: it is all that Python does for a posting besides handing rows over. Two
posters that touch the same accounts lock their rows in the same order, so neither waits for the
other in a circle.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

import orjson

from ledger.ids import IdMaker
from ledger.model import Impact, SessionPosting, SessionStatus, UsageEvent
from ledger.session_rows import SqlRow, advance_values, insert_values, settle_values
from ledger.store.contract import Step
from ratingcore.piece import piece_as_data

ACCOUNTS_RECEIVABLE = "accounts-receivable"
"""The G/L account in which stands what customers owe."""

USAGE_EVENT = "usage"
USAGE_ITEM = "usage"
ACTOR_DAEMON = "aaad"
OPEN = SessionStatus.OPEN

ItemKey = tuple[int, int, str, int, str]
"""account, bill unit, kind, cycle start, resource: an item and what it sums."""


class UsageRows:
    """Usage events of the sessions that won, with all that they add to."""

    def __init__(self) -> None:
        self.events: list[SqlRow] = []
        self.impacts: list[SqlRow] = []
        self.items: dict[ItemKey, int] = {}
        self.balances: dict[tuple[int, str], int] = {}
        self.counters: dict[tuple[int, int, int], list[int]] = {}

    def add_all(self, postings: Iterable[SessionPosting], ids: IdMaker, posted_at: int) -> None:
        """The usage of sessions that won."""
        for posting in postings:
            for usage in posting.events:
                self.add(usage, event_id=ids.make(posted_at * 1000), posted_at=posted_at)

    def add(self, usage: UsageEvent, *, event_id: int, posted_at: int) -> None:
        """One event; it has an impact if it costs something, and one for each bonus."""
        piece = usage.piece
        seconds = piece.ended_at - piece.started_at
        charge_micros = piece.charge_micros
        self.events.append(
            (
                usage.account_id,
                event_id,
                usage.service_id,
                USAGE_EVENT,
                piece.ended_at,
                posted_at,
                ACTOR_DAEMON,
                event_data(usage),
                usage.session_id,
                usage.number,
                usage.period_start_at,
                seconds,
                piece.input_octets,
                piece.output_octets,
            )
        )
        self._count(usage, seconds, charge_micros)
        position = 1
        if charge_micros:
            terms = (usage.currency, charge_micros, usage.revenue_gl, usage.tax_code)
            self._impact(usage, event_id, position, terms)
            position += 1
        for bonus in piece.impacts:
            terms = (bonus.resource, bonus.amount_micros, bonus.gl_code, bonus.tax_code)
            self._impact(usage, event_id, position, terms)
            position += 1

    def steps(self) -> Iterator[Step]:
        """What to write, table by table, each made when it is its turn."""
        yield "insert_usage_event", self.events
        yield "insert_impact", self.impacts
        yield from sum_steps(self.items, self.balances)
        counters = [(*key, *total) for key, total in sorted(self.counters.items())]
        yield "add_to_usage_counter", counters

    def _count(self, usage: UsageEvent, seconds: int, charge_micros: int) -> None:
        key = (usage.account_id, usage.service_id, usage.period_start_at)
        piece = usage.piece
        total = self.counters.get(key)
        if total is None:
            self.counters[key] = [seconds, piece.input_octets, piece.output_octets, charge_micros]
            return
        total[0] += seconds
        total[1] += piece.input_octets
        total[2] += piece.output_octets
        total[3] += charge_micros

    def _impact(
        self, usage: UsageEvent, event_id: int, position: int, terms: tuple[str, int, str, str]
    ) -> None:
        """An impact of a usage event, in the account's own bill unit: (resource, amount, G/L, tax
        code).
        """
        account_id, cycle_at = usage.account_id, usage.period_start_at
        resource, amount_micros, from_gl, tax_code = terms
        self.impacts.append(
            (
                account_id,
                event_id,
                position,
                resource,
                amount_micros,
                from_gl,
                ACCOUNTS_RECEIVABLE,
                tax_code,
                f"tariff/{usage.tariff}",
                account_id,
                USAGE_ITEM,
                cycle_at,
            )
        )
        item = (account_id, account_id, USAGE_ITEM, cycle_at, resource)
        self.items[item] = self.items.get(item, 0) + amount_micros
        owner = (account_id, resource)
        self.balances[owner] = self.balances.get(owner, 0) + amount_micros


def session_steps(postings: Iterable[SessionPosting], *, closed: Collection[int]) -> list[Step]:
    """Inserts and updates of session rows. `closed`: ids of rows that stand closed in the books."""
    inserts: list[SqlRow] = []
    advances: list[SqlRow] = []
    settles: list[SqlRow] = []
    for posting in postings:
        row, stored_version = posting.new, posting.stored_version
        if not stored_version:
            inserts.append(insert_values(row))
        elif row.status is OPEN and row.session_id not in closed:
            advances.append(advance_values(row, stored_version))
        else:
            settles.append(settle_values(row, stored_version))
    return [
        ("insert_session", inserts),
        ("advance_session", advances),
        ("settle_session", settles),
    ]


def event_data(usage: UsageEvent) -> str:
    """What a usage event says of its price: the tariff, and each segment."""
    data = {"tariff": usage.tariff, "piece": piece_as_data(usage.piece)}
    return orjson.dumps(data).decode()


def impact_row(impact: Impact, position: int, item: ItemKey) -> SqlRow:
    """The impact of an event, the `position`th of it, and the item that sums it."""
    _, unit_id, kind, cycle_at, _ = item
    return (
        impact.account_id,
        impact.event_id,
        position,
        impact.resource,
        impact.amount_micros,
        impact.from_gl,
        impact.to_gl,
        impact.tax_code,
        impact.source,
        unit_id,
        kind,
        cycle_at,
    )


def sum_steps(items: dict[ItemKey, int], balances: dict[tuple[int, str], int]) -> Iterator[Step]:
    """What items and balances grow by."""
    yield "add_to_item", [(*key, total) for key, total in sorted(items.items())]
    yield "add_to_balance", [(*key, total) for key, total in sorted(balances.items())]
