"""Records of the books as maps of plain values, for replies. Pure.

A credential is never among them: what is shown of it is its scheme.
"""

from __future__ import annotations

from collections.abc import Mapping

from ledger.escape import printable
from ledger.listings import Suspension, WaitingMessage
from ledger.model import Account, Balance, Event, Purchase, Subscriber, SuspenseRecord


def account_map(account: Account) -> dict[str, object]:
    """An account."""
    return {
        "account_id": account.account_id,
        "brand": account.brand,
        "name": account.name,
        "currency": account.currency,
        "zone": account.zone,
        "bill_day": account.bill_day,
        "status": account.status.value,
        "status_reason": account.status_reason.value,
        "credit_limit_micros": account.credit_limit_micros,
        "tax_status": account.tax_status.value,
        "email": account.email,
        "created_at": account.created_at,
        "profile": dict(account.profile),
    }


def service_map(subscriber: Subscriber) -> dict[str, object]:
    """A service with its purchases."""
    service = subscriber.service
    credential = subscriber.credential
    return {
        "service_id": service.service_id,
        "account_id": service.account_id,
        "brand": service.brand,
        "login": printable(service.login),
        "status": service.status.value,
        "status_reason": service.status_reason.value,
        "activated_at": service.activated_at,
        "password_scheme": "" if credential is None else credential.scheme.value,
        "reply": dict(service.reply),
        "profile": dict(service.profile),
        "purchases": [_purchase_map(one) for one in subscriber.purchases],
    }


def _purchase_map(purchase: Purchase) -> dict[str, object]:
    return {
        "purchase_id": purchase.purchase_id,
        "offer": purchase.offer,
        "from_at": purchase.from_at,
        "to_at": purchase.to_at,
    }


def balance_map(balance: Balance) -> dict[str, object]:
    """What an account owes in one resource."""
    return {
        "resource": balance.resource,
        "posted_micros": balance.posted_micros,
        "accrued_micros": balance.accrued_micros,
        "leased_micros": balance.leased_micros,
        "total_micros": balance.posted_micros + balance.accrued_micros,
    }


def event_map(event: Event) -> dict[str, object]:
    """An event with its impacts."""
    return {
        "event_id": event.event_id,
        "event_key": event.event_key,
        "account_id": event.account_id,
        "service_id": event.service_id,
        "event_type": event.event_type,
        "service_at": event.service_at,
        "posted_at": event.posted_at,
        "actor": event.actor,
        "data": dict(event.data),
        "impacts": [_impact_map(event, position) for position in range(len(event.impacts))],
    }


def _impact_map(event: Event, position: int) -> Mapping[str, object]:
    impact = event.impacts[position]
    return {
        "resource": impact.resource,
        "amount_micros": impact.amount_micros,
        "from_gl": impact.from_gl,
        "to_gl": impact.to_gl,
        "tax_code": impact.tax_code,
    }


def suspension_map(suspension: Suspension) -> dict[str, object]:
    """A standing reason of a suspension."""
    return {
        "service_id": suspension.service_id,
        "reason": suspension.reason.value,
        "since_at": suspension.since_at,
    }


def suspense_map(record: SuspenseRecord) -> dict[str, object]:
    """A record in suspense; its packet stays in the books."""
    return {
        "journal_number": record.journal_number,
        "lsn": record.lsn,
        "received_at": record.received_at,
        "reason": record.reason,
        "client": record.client,
        "nas": printable(record.nas),
        "user_name": printable(record.user_name),
    }


def message_map(waiting: WaitingMessage) -> dict[str, object]:
    """A message that waits in the outbox."""
    message = waiting.message
    return {
        "outbox_key": message.outbox_key,
        "account_id": message.account_id,
        "kind": message.kind,
        "name": message.name,
        "data": dict(message.data),
        "created_at": message.created_at,
        "attempts": waiting.attempts,
        "last_error": waiting.last_error,
    }
