"""Customers: registered, changed, limited, suspended, reopened and closed, each by an event with
its author."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ledger.account_checks import AccountError
from ledger.account_limits import set_limit, top_up_limit
from ledger.account_status import Remedy, close, reopen, suspend
from ledger.accounts import (
    AccountChanges,
    NewAccount,
    ServiceChanges,
    add_service,
    change_offer,
    find_service,
    register_account,
    set_account,
    set_password,
    set_service,
)
from ledger.books import check_books
from ledger.changes import Authorship, Charge
from ledger.credentials import open_secret, prepare_password, verify_pap
from ledger.model import (
    Account,
    AccountStatus,
    CredentialScheme,
    Event,
    Limit,
    OwnLimit,
    ServiceStatus,
    StatusReason,
    Subscriber,
    Threshold,
    UsageMetric,
)
from ledger.posting import ItemKind, ItemRef, post
from ledger.sessions import fetch_events, fetch_sessions_by_key
from ledger.store import Store
from ledger.subscribers import (
    fetch_account,
    fetch_account_states,
    fetch_change_counter,
    fetch_changes,
    fetch_subscribers,
)
from tests.store.builders import (
    BRAND,
    BY,
    NOW,
    PERIOD,
    RULES,
    SEALER,
    advanced,
    batch,
    canonical,
    new_account,
    new_service,
    opening,
    register,
    session,
)

HOURS = Limit(name="hours", metric=UsageMetric.SECONDS, soft=540_000, hard=720_000)
LATER = replace(BY, at=NOW + 60)


async def account_of(store: Store, account_id: int) -> Account:
    async with store.read() as reader:
        account = await fetch_account(reader, account_id)
    assert account is not None
    return account


async def subscriber_of(store: Store, login: str) -> Subscriber:
    async with store.read() as reader:
        return (await fetch_subscribers(reader, brand=BRAND, logins=[login]))[login]


async def events_of(store: Store, account_id: int) -> list[Event]:
    async with store.read() as reader:
        return await fetch_events(reader, account_id)


async def counter_of(store: Store) -> int:
    async with store.read() as reader:
        return await fetch_change_counter(reader)


async def test_a_registered_customer_is_found_by_login_with_all_facts(store: Store) -> None:
    service = new_service(b"Ann", reply={"Filter-Id": "gold"}, profile={"Owner": "ISP-1"})
    new = new_account(credit_limit_micros=5_000_000, email="ann@isp.example", services=(service,))
    async with store.transaction() as tx:
        account_id = await register_account(tx, new, rules=RULES, by=BY)

    found = await subscriber_of(store, "ann")

    assert found.account == Account(
        account_id=account_id,
        brand=BRAND,
        name="Ann Smith",
        currency="USD",
        zone="America/New_York",
        bill_day=1,
        credit_limit_micros=5_000_000,
        email="ann@isp.example",
        created_at=NOW,
    )
    assert found.service.login == "ann"
    assert found.service.reply == {"Filter-Id": "gold"}
    assert found.service.profile == {"Owner": "ISP-1"}
    assert [(p.offer, p.from_at, p.to_at) for p in found.purchases] == [("dialup", NOW, None)]
    assert found.credential is not None
    assert open_secret(SEALER, found.credential) == b"secret"
    events = await events_of(store, account_id)
    assert [event.event_type for event in events] == ["service_added", "account_registered"]
    assert {event.actor for event in events} == {"csr ann"}
    assert await check_books(store) == []


async def test_all_mistakes_are_told_at_once_and_nothing_is_written(store: Store) -> None:
    bad = NewAccount(
        brand="No Brand!",
        name="\x1b[31mred",
        currency="dollars",
        zone="Mars/Olympus",
        bill_day=32,
        due_days=-1,
        email="nowhere",
        profile={"": "x", "note": "a\x00b"},
        services=(
            new_service(b"", offer="gold"),
            new_service(b"twin"),
            new_service(b"TWIN", reply={"Filter-Id": "\x07"}),
        ),
    )
    with pytest.raises(AccountError) as caught:
        async with store.transaction() as tx:
            await register_account(tx, bad, rules=RULES, by=BY)
    assert [mistake.field for mistake in caught.value.mistakes] == [
        "brand",
        "name",
        "currency",
        "zone",
        "bill_day",
        "due_days",
        "email",
        "profile.''",
        "profile.note",
        "services[0].login",
        "services[0].offer",
        "services[2].reply.Filter-Id",
        "login",
    ]
    assert all(mistake.remedy for mistake in caught.value.mistakes)
    assert "\x1b" not in str(caught.value)
    assert await counter_of(store) == 0


async def test_a_login_belongs_to_one_service_of_its_brand(store: Store) -> None:
    account_id, service_id = await register(store, logins=(b"ann",))
    with pytest.raises(AccountError, match=f"account {account_id} has it"):
        await register(store, logins=(b"ANN",))
    async with store.transaction() as tx:
        other = new_account(brand="other")
        assert await register_account(tx, other, rules=RULES, by=BY) != account_id
        await close(tx, account_id=account_id, by=LATER)
    with pytest.raises(AccountError, match=f"service {service_id}"):
        await register(store, logins=(b"ann",))


@pytest.mark.parametrize(
    "user_name",
    [
        b"o'brien\"; DROP TABLE account; --",
        b"nul\x00inside",
        b"\xff\xfe not utf-8 \x80",
        b"back\\slash \\x00 \\u{41}",
        b"\x1b[31mred\r\n",
        "ünïcode \u202e\u0085".encode(),
        b"x" * 253,
        b"\xff" * 253,
    ],
)
async def test_any_octets_are_a_login_and_come_back_as_they_were(
    store: Store, user_name: bytes
) -> None:
    account_id, service_id = await register(store, logins=(user_name,))
    login = canonical(user_name)
    found = await subscriber_of(store, login)
    assert found.service.login == login
    row = session(account_id, service_id, user_name=user_name, nas=login, acct_session_id=user_name)
    async with store.transaction() as tx:
        await post(tx, batch(opening(row)))
        assert (await fetch_subscribers(tx, brand=BRAND, logins=[login, "nobody"])) == {
            login: found
        }
        assert await fetch_sessions_by_key(tx, [(login, user_name)]) == [row]


async def test_254_octets_are_too_many(store: Store) -> None:
    with pytest.raises(AccountError, match="254 octets"):
        await register(store, logins=(b"x" * 254,))


async def test_a_change_names_old_and_new_and_wakes_the_daemon(store: Store) -> None:
    account_id, _ = await register(store)
    before = await counter_of(store)
    async with store.transaction() as tx:
        changes = AccountChanges(credit_limit_micros=9, profile={"Owner": "x"}, email="a@b")
        changed = await set_account(tx, account_id, changes, by=LATER)
    assert changed == await account_of(store, account_id)
    assert (changed.credit_limit_micros, changed.profile) == (9, {"Owner": "x"})
    event = (await events_of(store, account_id))[0]
    assert event.data["credit_limit_micros"] == {"from": None, "to": 9}
    async with store.read() as reader:
        counter, accounts = await fetch_changes(reader, after=before)
        assert (counter, accounts) == (before + 1, (account_id,))
        assert await fetch_changes(reader, after=counter) == (counter, ())


async def test_what_is_already_so_changes_nothing(store: Store) -> None:
    account_id, _ = await register(store)
    found = await subscriber_of(store, "ann")
    before = await counter_of(store)
    async with store.transaction() as tx:
        await set_account(tx, account_id, AccountChanges(name="Ann Smith"), by=LATER)
        await set_service(tx, found.service, ServiceChanges(login=b"ANN"), rules=RULES, by=LATER)
        await change_offer(
            tx, found.service, offer="dialup", effective_at=NOW + 99, offers=RULES.offers, by=LATER
        )
        assert await reopen(tx, account_id=account_id, remedy=Remedy.OPERATOR, by=LATER)
    assert await counter_of(store) == before


async def test_a_request_repeated_with_its_key_is_done_once(store: Store) -> None:
    account_id, _ = await register(store)
    found = await subscriber_of(store, "ann")
    keyed = Authorship(at=NOW + 1, actor="csr bob", request_key="request/1")
    prepared = prepare_password(CredentialScheme.SEALED, b"other")
    for _ in range(2):
        async with store.transaction() as tx:
            await set_password(tx, found.service, prepared, sealer=SEALER, by=keyed)
    assert [e.event_type for e in await events_of(store, account_id)].count("password_changed") == 1


async def test_a_password_is_changed_and_its_event_does_not_tell_it(store: Store) -> None:
    account_id, _ = await register(store)
    found = await subscriber_of(store, "ann")
    prepared = prepare_password(CredentialScheme.NT_HASH, b"new secret")
    async with store.transaction() as tx:
        await set_password(tx, found.service, prepared, sealer=SEALER, by=LATER)
    credential = (await subscriber_of(store, "ann")).credential
    assert credential is not None
    assert credential.scheme is CredentialScheme.NT_HASH
    assert verify_pap(credential.scheme, open_secret(SEALER, credential), b"new secret")
    event = (await events_of(store, account_id))[0]
    assert (event.event_type, event.data) == ("password_changed", {"scheme": "nt_hash"})


async def test_a_service_is_renamed_and_its_old_login_is_free_again(store: Store) -> None:
    await register(store)
    found = await subscriber_of(store, "ann")
    changes = ServiceChanges(login=b"Ann.Smith", reply={"Filter-Id": "gold"})
    async with store.transaction() as tx:
        await set_service(tx, found.service, changes, rules=RULES, by=LATER)
    renamed = await subscriber_of(store, "ann.smith")
    assert renamed.service.reply == {"Filter-Id": "gold"}
    await register(store, logins=(b"ann",))
    async with store.transaction() as tx:
        with pytest.raises(AccountError, match="login"):
            await set_service(
                tx, renamed.service, ServiceChanges(login=b"ann"), rules=RULES, by=LATER
            )
    assert await check_books(store) == []


async def test_an_offer_is_changed_from_an_instant_on_and_never_in_the_past(store: Store) -> None:
    await register(store)
    found = await subscriber_of(store, "ann")

    async def change(offer: str, effective_at: int) -> None:
        async with store.transaction() as tx:
            await change_offer(
                tx,
                found.service,
                offer=offer,
                effective_at=effective_at,
                offers=RULES.offers,
                by=LATER,
            )

    with pytest.raises(AccountError, match="rerating"):
        await change("premium", NOW + 59)
    with pytest.raises(AccountError, match="dialup, premium"):
        await change("gold", NOW + 100)
    await change("premium", NOW + 1000)
    await change("premium", NOW + 500)
    purchases = (await subscriber_of(store, "ann")).purchases
    assert [(p.offer, p.from_at, p.to_at) for p in purchases] == [
        ("dialup", NOW, NOW + 500),
        ("premium", NOW + 500, None),
        ("premium", NOW + 1000, NOW + 1000),
    ]


async def test_a_zone_changes_only_while_the_cycle_holds_no_usage(store: Store) -> None:
    account_id, service_id = await register(store)
    async with store.transaction() as tx:
        await set_account(tx, account_id, AccountChanges(zone="Europe/Berlin"), by=BY)
    first = opening(session(account_id, service_id))
    async with store.transaction() as tx:
        await post(tx, batch(first))
        with pytest.raises(AccountError, match="holds usage"):
            await set_account(tx, account_id, AccountChanges(zone="UTC"), by=LATER)


async def test_a_service_is_added_but_not_to_a_closed_account(store: Store) -> None:
    account_id, _ = await register(store)
    async with store.transaction() as tx:
        await add_service(tx, account_id, new_service(b"ann2"), rules=RULES, by=LATER)
        await close(tx, account_id=account_id, by=replace(BY, at=NOW + 70))
        with pytest.raises(AccountError, match="closed"):
            await add_service(tx, account_id, new_service(b"ann3"), rules=RULES, by=LATER)
    found = await subscriber_of(store, "ann2")
    assert found.account.status is AccountStatus.CLOSED
    assert found.service.status is ServiceStatus.CLOSED
    assert [purchase.to_at for purchase in found.purchases] == [NOW + 70]
    async with store.transaction() as tx:
        with pytest.raises(AccountError, match="register anew"):
            await suspend(tx, account_id=account_id, reason=StatusReason.MANUAL, by=LATER)


async def test_an_unknown_account_or_service_is_named(store: Store) -> None:
    account_id, _ = await register(store)
    async with store.transaction() as tx:
        with pytest.raises(AccountError, match="account is 5: name an account"):
            await set_account(tx, 5, AccountChanges(name="x"), by=BY)
        with pytest.raises(AccountError, match=f"service is 6 of account {account_id}"):
            await find_service(tx, account_id=account_id, service_id=6)


@pytest.mark.parametrize(
    ("reason", "wrong", "right"),
    [
        (StatusReason.MANUAL, Remedy.PAYMENT, Remedy.OPERATOR),
        (StatusReason.OVERDUE, Remedy.OPERATOR, Remedy.PAYMENT),
        (StatusReason.OVERDUE, Remedy.TOP_UP, Remedy.PROMISE),
        (StatusReason.EXPIRED, Remedy.OPERATOR, Remedy.RENEWAL),
    ],
)
async def test_only_the_right_remedy_lifts_a_suspension(
    store: Store, reason: StatusReason, wrong: Remedy, right: Remedy
) -> None:
    account_id, service_id = await register(store)
    for target in (0, service_id):
        async with store.transaction() as tx:
            await suspend(tx, account_id=account_id, service_id=target, reason=reason, by=BY)
        async with store.transaction() as tx:
            with pytest.raises(AccountError, match=f"suspension by {reason}"):
                await reopen(tx, account_id=account_id, service_id=target, remedy=wrong, by=LATER)
    suspended = await subscriber_of(store, "ann")
    assert (suspended.account.status, suspended.account.status_reason) == ("suspended", reason)
    assert (suspended.service.status, suspended.service.status_reason) == ("suspended", reason)
    for target in (0, service_id):
        async with store.transaction() as tx:
            assert await reopen(
                tx, account_id=account_id, service_id=target, remedy=right, by=LATER
            )
    reopened = await subscriber_of(store, "ann")
    assert (reopened.account.status, reopened.service.status) == ("active", "active")
    assert reopened.account.status_reason is StatusReason.NONE


async def test_two_reasons_need_two_remedies_and_the_gravest_shows(store: Store) -> None:
    account_id, _ = await register(store)
    async with store.transaction() as tx:
        for reason in (StatusReason.USAGE, StatusReason.OVERDUE, StatusReason.OVERDUE):
            await suspend(tx, account_id=account_id, reason=reason, by=BY)
    assert (await account_of(store, account_id)).status_reason is StatusReason.OVERDUE
    async with store.transaction() as tx:
        assert not await reopen(tx, account_id=account_id, remedy=Remedy.PAYMENT, by=LATER)
    account = await account_of(store, account_id)
    assert (account.status, account.status_reason) == (AccountStatus.SUSPENDED, "usage")
    types = [event.event_type for event in await events_of(store, account_id)]
    assert types.count("suspended") == 2  # the second for the same reason changed nothing


async def test_a_usage_suspension_is_lifted_by_a_top_up_and_by_nothing_less(store: Store) -> None:
    account_id, service_id = await register(store)
    async with store.transaction() as tx:
        await suspend(tx, account_id=account_id, reason=StatusReason.USAGE, by=BY)
    for remedy in (Remedy.OPERATOR, Remedy.TOP_UP, Remedy.PAYMENT):
        async with store.transaction() as tx:
            with pytest.raises(AccountError, match="top up the limit"):
                await reopen(tx, account_id=account_id, remedy=remedy, by=LATER)
    charge = Charge(
        amount_micros=10_000_000,
        currency="USD",
        from_gl="top-ups",
        to_gl="accounts-receivable",
        tax_code="std",
        source="top-up",
        item=ItemRef(kind=ItemKind.PURCHASE, cycle_start_at=PERIOD),
    )
    async with store.transaction() as tx:
        raised = await top_up_limit(
            tx,
            account_id=account_id,
            service_id=service_id,
            limit=HOURS,
            quantity=36_000,
            period_start_at=PERIOD,
            charge=charge,
            by=LATER,
        )
        assert await reopen(tx, account_id=account_id, remedy=Remedy.TOP_UP, by=LATER)
    assert raised == replace(HOURS, soft=576_000, hard=756_000, revision=1)
    found = await subscriber_of(store, "ann")
    assert found.own_limits == (
        OwnLimit(
            account_id=account_id, service_id=service_id, limit=raised, period_start_at=PERIOD
        ),
    )
    async with store.read() as reader:
        states = await fetch_account_states(reader, {account_id: ()})
    assert [b.posted_micros for b in states[account_id].balances] == [10_000_000]
    assert await check_books(store) == []


async def test_a_new_cycle_lifts_a_usage_suspension(store: Store) -> None:
    account_id, _ = await register(store)
    async with store.transaction() as tx:
        await suspend(tx, account_id=account_id, reason=StatusReason.USAGE, by=BY)
        december = Authorship(at=1_701_500_000, actor="aaabill")
        assert await reopen(tx, account_id=account_id, remedy=Remedy.OPERATOR, by=december)


async def test_a_topped_up_threshold_that_is_passed_already_is_not_announced(store: Store) -> None:
    account_id, service_id = await register(store)
    first = opening(session(account_id, service_id))
    async with store.transaction() as tx:
        await post(tx, batch(first))
        await post(tx, batch(advanced(first.new, seconds=720_000, charge_micros=0)))
        await top_up_limit(
            tx,
            account_id=account_id,
            limit=HOURS,
            quantity=36_000,
            period_start_at=PERIOD,
            by=LATER,
        )
    async with store.read() as reader:
        state = (await fetch_account_states(reader, {account_id: (PERIOD,)}))[account_id]
    assert [(c.threshold, c.revision, c.threshold_quantity) for c in state.crossings] == [
        (Threshold.SOFT, 1, 576_000)
    ]
    async with store.transaction() as tx:
        result = await post(tx, batch(crossings=state.crossings))
    assert result.fired == ()


async def test_an_own_limit_is_set_in_revisions_and_checked(store: Store) -> None:
    account_id, _ = await register(store)
    async with store.transaction() as tx:
        with pytest.raises(AccountError, match="soft <= hard"):
            await set_limit(tx, account_id=account_id, limit=replace(HOURS, soft=800_000), by=BY)
        with pytest.raises(AccountError, match="quantity is 0"):
            await top_up_limit(
                tx, account_id=account_id, limit=HOURS, quantity=0, period_start_at=PERIOD, by=BY
            )
        first = await set_limit(tx, account_id=account_id, limit=HOURS, by=BY)
        second = await set_limit(tx, account_id=account_id, limit=replace(HOURS, soft=None), by=BY)
        topped = await top_up_limit(
            tx, account_id=account_id, limit=second, quantity=9, period_start_at=PERIOD, by=BY
        )
    assert [limit.revision for limit in (first, second, topped)] == [1, 2, 3]
    found = await subscriber_of(store, "ann")
    assert [(own.limit, own.period_start_at) for own in found.own_limits] == [
        (second, None),
        (topped, PERIOD),
    ]
