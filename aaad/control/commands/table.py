"""Every control command: its name, the right it needs, its arguments and its function.

What changes anything needs `Right.ADMINISTER`; what only shows is for the reading group too.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from aaad.control.command import Command, NoArguments
from aaad.control.commands import (
    accounts,
    books,
    daemon,
    limits,
    money,
    pricelists,
    services,
    sessions,
)
from aaad.control.commands.customers import AccountChoice, ServiceChoice
from aaad.control.peer import Right

COMMANDS: Mapping[str, Command[Any]] = MappingProxyType(
    {
        "status": Command(Right.READ, NoArguments, daemon.status),
        "client.list": Command(Right.READ, NoArguments, daemon.list_clients),
        "nas.list": Command(Right.READ, NoArguments, daemon.list_nases),
        "reload": Command(Right.ADMINISTER, NoArguments, daemon.reload),
        "drain": Command(Right.ADMINISTER, NoArguments, daemon.drain),
        "clock.show": Command(Right.READ, NoArguments, daemon.show_clock),
        "clock.set": Command(Right.ADMINISTER, daemon.ClockSetting, daemon.set_clock),
        "clock.advance": Command(Right.ADMINISTER, daemon.ClockAdvance, daemon.advance_clock),
        "session.list": Command(Right.READ, sessions.SessionFilter, sessions.list_sessions),
        "session.show": Command(Right.READ, sessions.SessionNumber, sessions.show_session),
        "session.disconnect": Command(
            Right.ADMINISTER, sessions.SessionNumber, sessions.disconnect
        ),
        "account.register": Command(Right.ADMINISTER, accounts.Registration, accounts.register),
        "account.show": Command(Right.READ, AccountChoice, accounts.show),
        "account.list": Command(Right.READ, accounts.AccountSearch, accounts.list_accounts),
        "account.set": Command(Right.ADMINISTER, accounts.AccountSettings, accounts.change),
        "account.suspend": Command(
            Right.ADMINISTER, accounts.AccountSuspension, accounts.suspend_account
        ),
        "account.reopen": Command(
            Right.ADMINISTER, accounts.AccountReopening, accounts.reopen_account
        ),
        "account.close": Command(Right.ADMINISTER, AccountChoice, accounts.close_account),
        "service.show": Command(Right.READ, ServiceChoice, services.show),
        "service.add": Command(Right.ADMINISTER, services.ServiceAddition, services.add),
        "service.set": Command(Right.ADMINISTER, services.ServiceSettings, services.change),
        "service.offer": Command(Right.ADMINISTER, services.OfferChange, services.change_to_offer),
        "service.password": Command(
            Right.ADMINISTER, services.PasswordChange, services.change_password
        ),
        "service.suspend": Command(
            Right.ADMINISTER, services.ServiceSuspension, services.suspend_service
        ),
        "service.reopen": Command(
            Right.ADMINISTER, services.ServiceReopening, services.reopen_service
        ),
        "service.close": Command(Right.ADMINISTER, ServiceChoice, services.close_service),
        "limit.set": Command(Right.ADMINISTER, limits.LimitSetting, limits.set_own_limit),
        "limit.topup": Command(Right.ADMINISTER, limits.TopUp, limits.top_up),
        "account.promise": Command(Right.ADMINISTER, money.Promise, money.note_promise),
        "bill.list": Command(Right.READ, money.BillPage, money.list_bills),
        "payment.add": Command(Right.ADMINISTER, money.Payment, money.add_payment),
        "payment.list": Command(Right.READ, money.BillPage, money.list_payments),
        "payment.reverse": Command(Right.ADMINISTER, money.Reversal, money.take_back_payment),
        "balance": Command(Right.READ, AccountChoice, books.show_balance),
        "store.check": Command(Right.READ, NoArguments, books.check_store),
        "event.list": Command(Right.READ, books.EventPage, books.list_events),
        "explain.charge": Command(Right.READ, books.EventChoice, books.explain_charge),
        "explain.login": Command(Right.READ, books.LoginName, books.explain_login),
        "suspense.list": Command(Right.READ, books.SuspensePage, books.list_suspense),
        "outbox.list": Command(Right.READ, books.OutboxPage, books.list_outbox),
        "pricelist.load": Command(Right.ADMINISTER, pricelists.PriceListText, pricelists.load),
        "pricelist.list": Command(Right.READ, pricelists.Brand, pricelists.list_versions),
    }
)
