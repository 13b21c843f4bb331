-- The books, SQLite dialect. The same schema runs on PostgreSQL and, distributed by account, on
-- Citus: every growing table has account_id in its primary key and unique keys; login, brand,
-- price_list, boot, journal_position, id_floor and suspense are small or know no account. Ids are
-- made by the application. Instants are UTC epoch seconds, amounts micros. What the network names
-- (logins, NASes, session ids) is text escaped by ledger.store.text, so that NULs and invalid UTF-8
-- are data everywhere.

CREATE TABLE store (
    store_id TEXT NOT NULL PRIMARY KEY,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE schema_migration (
    number INTEGER NOT NULL PRIMARY KEY CHECK (number > 0),
    name TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    applied_at INTEGER NOT NULL
) STRICT;

-- The last id that each node made: ids stay unique over restarts and clocks that go back.
CREATE TABLE id_floor (
    node INTEGER NOT NULL PRIMARY KEY,
    last_id INTEGER NOT NULL
) STRICT;

CREATE TABLE brand (
    brand TEXT NOT NULL PRIMARY KEY CHECK (brand <> ''),
    created_at INTEGER NOT NULL
) STRICT;

-- A price list is a TOML text: prices with their tax codes, gross or net, stand in it and nowhere
-- else, so that there is one truth. ledger.catalog parses it; events copy what they were priced by.
CREATE TABLE price_list (
    brand TEXT NOT NULL REFERENCES brand (brand),
    version INTEGER NOT NULL CHECK (version > 0),
    effective_at INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    text TEXT NOT NULL,
    stored_at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    PRIMARY KEY (brand, version)
) STRICT;

CREATE TABLE account (
    account_id INTEGER NOT NULL PRIMARY KEY CHECK (account_id > 0),
    brand TEXT NOT NULL REFERENCES brand (brand),
    name TEXT NOT NULL,
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    zone TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('active', 'suspended', 'closed', 'collections')),
    status_reason TEXT NOT NULL,
    credit_limit_micros INTEGER,
    tax_status TEXT NOT NULL CHECK (tax_status IN ('taxable', 'exempt', 'reverse_charge')),
    email TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    profile TEXT NOT NULL
) STRICT;

-- Who is billed when, on which terms. The default unit of an account bears the account's own id.
-- From look_at on there is something to do: a fee or a bill is due, or a purchase changed (0).
CREATE TABLE bill_unit (
    account_id INTEGER NOT NULL REFERENCES account (account_id),
    bill_unit_id INTEGER NOT NULL,
    bill_day INTEGER NOT NULL CHECK (bill_day BETWEEN 1 AND 31),
    due_days INTEGER NOT NULL CHECK (due_days >= 0),
    cycles_per_bill INTEGER NOT NULL DEFAULT 1 CHECK (cycles_per_bill BETWEEN 1 AND 12),
    balance_forward INTEGER NOT NULL DEFAULT 1 CHECK (balance_forward IN (0, 1)),
    billed_until_at INTEGER,
    look_at INTEGER NOT NULL DEFAULT 0,
    parent_account_id INTEGER,
    parent_bill_unit_id INTEGER,
    PRIMARY KEY (account_id, bill_unit_id)
) STRICT;

CREATE INDEX bill_unit_look ON bill_unit (look_at, account_id);

CREATE TABLE login (
    brand TEXT NOT NULL,
    login TEXT NOT NULL CHECK (login <> ''),
    account_id INTEGER NOT NULL,
    service_id INTEGER NOT NULL,
    PRIMARY KEY (brand, login)
) STRICT, WITHOUT ROWID;

CREATE TABLE service (
    account_id INTEGER NOT NULL REFERENCES account (account_id),
    service_id INTEGER NOT NULL CHECK (service_id > 0),
    brand TEXT NOT NULL,
    login TEXT NOT NULL CHECK (login <> ''),
    status TEXT NOT NULL CHECK (status IN ('active', 'suspended', 'closed')),
    status_reason TEXT NOT NULL,
    activated_at INTEGER NOT NULL,
    reply TEXT NOT NULL,
    profile TEXT NOT NULL,
    PRIMARY KEY (account_id, service_id),
    UNIQUE (account_id, login)
) STRICT;

CREATE TABLE credential (
    account_id INTEGER NOT NULL,
    service_id INTEGER NOT NULL,
    scheme TEXT NOT NULL CHECK (scheme IN ('sealed', 'nt_hash', 'argon2')),
    secret BLOB NOT NULL,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (account_id, service_id),
    FOREIGN KEY (account_id, service_id) REFERENCES service (account_id, service_id)
) STRICT;

CREATE TABLE purchase (
    account_id INTEGER NOT NULL,
    purchase_id INTEGER NOT NULL,
    service_id INTEGER NOT NULL,
    offer TEXT NOT NULL CHECK (offer <> ''),
    from_at INTEGER NOT NULL,
    to_at INTEGER CHECK (to_at >= from_at),
    quantity INTEGER NOT NULL DEFAULT 1 CHECK (quantity > 0),
    PRIMARY KEY (account_id, purchase_id),
    FOREIGN KEY (account_id, service_id) REFERENCES service (account_id, service_id)
) STRICT;

-- Revisions are kept: the newest one of its name holds. period_start_at 0: for every period, else
-- only for that one (a top-up).
CREATE TABLE own_limit (
    account_id INTEGER NOT NULL REFERENCES account (account_id),
    service_id INTEGER NOT NULL CHECK (service_id >= 0),
    limit_name TEXT NOT NULL CHECK (limit_name <> ''),
    period_start_at INTEGER NOT NULL,
    revision INTEGER NOT NULL CHECK (revision >= 0),
    metric TEXT NOT NULL
        CHECK (metric IN ('seconds', 'octets', 'input_octets', 'output_octets', 'money')),
    soft INTEGER CHECK (soft >= 0),
    hard INTEGER CHECK (hard >= 0),
    set_at INTEGER NOT NULL,
    PRIMARY KEY (account_id, service_id, limit_name, period_start_at, revision)
) STRICT;

-- Every reason for which an account (service_id 0) or a service is suspended now; its history is
-- events.
CREATE TABLE suspension (
    account_id INTEGER NOT NULL REFERENCES account (account_id),
    service_id INTEGER NOT NULL,
    reason TEXT NOT NULL CHECK (reason IN ('manual', 'usage', 'overdue', 'expired')),
    since_at INTEGER NOT NULL,
    PRIMARY KEY (account_id, service_id, reason)
) STRICT;

-- What grows with the traffic is kept in the order of its ids, which is that of time: a batch
-- writes few pages of it, whoever's sessions it holds. `details` is what the NAS says of itself and
-- the user, a JSON list. `open_*` and `accrued_micros` are the running piece since the last cut, 0
-- when the session has ended; what accounts accrue and have used is always summed from here, so an
-- interim report changes this row and nothing else.
CREATE TABLE session (
    account_id INTEGER NOT NULL,
    session_id INTEGER NOT NULL PRIMARY KEY CHECK (session_id > 0),
    service_id INTEGER NOT NULL,
    nas TEXT NOT NULL,
    acct_session_id TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    status TEXT NOT NULL CHECK (status = 'open' OR status = 'closed'),
    version INTEGER NOT NULL CHECK (version > 0),
    journal_number INTEGER NOT NULL,
    lsn INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    heard_at INTEGER NOT NULL,
    session_time_s INTEGER NOT NULL CHECK (session_time_s >= 0),
    input_octets INTEGER NOT NULL CHECK (input_octets >= 0),
    output_octets INTEGER NOT NULL CHECK (output_octets >= 0),
    counters BLOB NOT NULL,
    meter BLOB NOT NULL,
    pieces INTEGER NOT NULL CHECK (pieces >= 0),
    period_start_at INTEGER NOT NULL,
    open_seconds INTEGER NOT NULL,
    open_input_octets INTEGER NOT NULL,
    open_output_octets INTEGER NOT NULL,
    accrued_micros INTEGER NOT NULL,
    details TEXT NOT NULL,
    ended_at INTEGER,
    terminate_cause TEXT NOT NULL,
    presumed INTEGER NOT NULL CHECK (presumed = 0 OR presumed = 1),
    UNIQUE (nas, acct_session_id, started_at, account_id),
    CHECK ((status = 'closed') = (ended_at IS NOT NULL))
) STRICT;

CREATE INDEX session_open ON session (account_id) WHERE status = 'open';

-- Everything that happened, with who did it. The usage columns are 0 on other events; `data` holds
-- the rated segments of usage and the old and new values of a change, as JSON. What is no effect of
-- a session has a key that is unique for ever. A piece of usage has none: its session's
-- compare-and-set lets it in once, and its session and number name it.
CREATE TABLE event (
    account_id INTEGER NOT NULL,
    event_id INTEGER NOT NULL PRIMARY KEY CHECK (event_id > 0),
    event_key TEXT CHECK (event_key <> ''),
    service_id INTEGER NOT NULL,
    event_type TEXT NOT NULL CHECK (event_type <> ''),
    service_at INTEGER NOT NULL,
    posted_at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    data TEXT NOT NULL,
    session_id INTEGER NOT NULL DEFAULT 0,
    piece INTEGER NOT NULL DEFAULT 0,
    period_start_at INTEGER NOT NULL DEFAULT 0,
    seconds INTEGER NOT NULL DEFAULT 0,
    input_octets INTEGER NOT NULL DEFAULT 0,
    output_octets INTEGER NOT NULL DEFAULT 0,
    CHECK ((event_key IS NULL) = (event_type = 'usage'))
) STRICT;

-- With the id that every index of SQLite ends in: an account's events in their order.
CREATE INDEX event_account ON event (account_id);

CREATE UNIQUE INDEX event_key ON event (account_id, event_key) WHERE event_key IS NOT NULL;

CREATE TABLE impact (
    account_id INTEGER NOT NULL,
    event_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    resource TEXT NOT NULL CHECK (resource <> ''),
    amount_micros INTEGER NOT NULL,
    from_gl TEXT NOT NULL CHECK (from_gl <> ''),
    to_gl TEXT NOT NULL CHECK (to_gl <> ''),
    tax_code TEXT NOT NULL,
    source TEXT NOT NULL,
    bill_unit_id INTEGER NOT NULL,
    item_kind TEXT NOT NULL,
    cycle_start_at INTEGER NOT NULL,
    PRIMARY KEY (event_id, position)
) STRICT, WITHOUT ROWID;

-- A bill item sums the impacts of one kind in one cycle of a bill unit (B87), and how much of them
-- stands on bills: a bill takes the difference (docs/decisions/bills.md).
CREATE TABLE item (
    account_id INTEGER NOT NULL,
    bill_unit_id INTEGER NOT NULL,
    -- OR, for SQLite builds a table for a long IN at every row (10 us, measured).
    item_kind TEXT NOT NULL CHECK (item_kind = 'usage' OR item_kind = 'cycle_forward'
        OR item_kind = 'cycle_arrears' OR item_kind = 'purchase' OR item_kind = 'cancel'
        OR item_kind = 'tax' OR item_kind = 'adjustment' OR item_kind = 'payment'),
    cycle_start_at INTEGER NOT NULL,
    resource TEXT NOT NULL,
    amount_micros INTEGER NOT NULL,
    billed_micros INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (account_id, bill_unit_id, item_kind, cycle_start_at, resource)
) STRICT, WITHOUT ROWID;

CREATE TABLE bill (
    account_id INTEGER NOT NULL,
    bill_id INTEGER NOT NULL,
    bill_unit_id INTEGER NOT NULL,
    legal_entity TEXT NOT NULL,
    number INTEGER NOT NULL,
    currency TEXT NOT NULL,
    cycle_start_at INTEGER NOT NULL,
    cycle_end_at INTEGER NOT NULL CHECK (cycle_end_at > cycle_start_at),
    finalized_at INTEGER NOT NULL,
    due_on TEXT NOT NULL,
    parties TEXT NOT NULL,
    total_minor INTEGER NOT NULL,
    previous_minor INTEGER NOT NULL,
    due_minor INTEGER NOT NULL,
    open_minor INTEGER NOT NULL,
    document_sha256 TEXT,
    PRIMARY KEY (account_id, bill_id),
    UNIQUE (account_id, bill_unit_id, cycle_end_at)
) STRICT;

CREATE INDEX bill_open ON bill (account_id, due_on) WHERE open_minor <> 0;

CREATE TABLE bill_line (
    account_id INTEGER NOT NULL,
    bill_id INTEGER NOT NULL,
    line INTEGER NOT NULL,
    item_kind TEXT NOT NULL,
    cycle_start_at INTEGER NOT NULL,
    source TEXT NOT NULL,
    tax_code TEXT NOT NULL,
    amount_micros INTEGER NOT NULL,
    amount_minor INTEGER NOT NULL,
    billed_micros INTEGER NOT NULL,
    PRIMARY KEY (account_id, bill_id, line),
    FOREIGN KEY (account_id, bill_id) REFERENCES bill (account_id, bill_id)
) STRICT;

CREATE TABLE tax_line (
    account_id INTEGER NOT NULL,
    bill_id INTEGER NOT NULL,
    line INTEGER NOT NULL,
    tax_code TEXT NOT NULL,
    jurisdiction TEXT NOT NULL,
    rate_ppm INTEGER NOT NULL,
    base_minor INTEGER NOT NULL,
    tax_minor INTEGER NOT NULL,
    PRIMARY KEY (account_id, bill_id, line),
    FOREIGN KEY (account_id, bill_id) REFERENCES bill (account_id, bill_id)
) STRICT;

-- Bill numbers have no gaps per legal entity: taken in the transaction that finalizes.
CREATE TABLE bill_number (
    legal_entity TEXT NOT NULL PRIMARY KEY,
    last_number INTEGER NOT NULL CHECK (last_number >= 0)
) STRICT;

-- What an account owes by its impacts. What its open sessions accrue stands in their rows.
CREATE TABLE balance (
    account_id INTEGER NOT NULL,
    resource TEXT NOT NULL,
    posted_micros INTEGER NOT NULL,
    leased_micros INTEGER NOT NULL CHECK (leased_micros >= 0),
    PRIMARY KEY (account_id, resource)
) STRICT, WITHOUT ROWID;

-- The posted usage of a service in a billing cycle. That of open sessions stands in their rows.
CREATE TABLE usage_counter (
    account_id INTEGER NOT NULL,
    service_id INTEGER NOT NULL,
    period_start_at INTEGER NOT NULL,
    seconds INTEGER NOT NULL,
    input_octets INTEGER NOT NULL,
    output_octets INTEGER NOT NULL,
    charge_micros INTEGER NOT NULL,
    PRIMARY KEY (account_id, service_id, period_start_at)
) STRICT, WITHOUT ROWID;

CREATE TABLE limit_crossing (
    account_id INTEGER NOT NULL,
    service_id INTEGER NOT NULL,
    limit_name TEXT NOT NULL,
    period_start_at INTEGER NOT NULL,
    threshold TEXT NOT NULL CHECK (threshold IN ('soft', 'hard')),
    revision INTEGER NOT NULL,
    metric TEXT NOT NULL,
    threshold_quantity INTEGER NOT NULL,
    used_quantity INTEGER NOT NULL,
    crossed_at INTEGER NOT NULL,
    PRIMARY KEY (account_id, service_id, limit_name, period_start_at, threshold, revision)
) STRICT, WITHOUT ROWID;

CREATE TABLE outbox (
    account_id INTEGER NOT NULL,
    outbox_key TEXT NOT NULL CHECK (outbox_key <> ''),
    kind TEXT NOT NULL CHECK (kind IN ('mail', 'hook', 'network')),
    name TEXT NOT NULL,
    data TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    lease_owner TEXT,
    lease_until_at INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    last_error TEXT NOT NULL DEFAULT '',
    done_at INTEGER,
    PRIMARY KEY (account_id, outbox_key)
) STRICT;

CREATE INDEX outbox_pending ON outbox (kind, created_at) WHERE done_at IS NULL;

-- No account is known: that is why the record waits here.
CREATE TABLE suspense (
    journal_number INTEGER NOT NULL,
    lsn INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    reason TEXT NOT NULL,
    client TEXT NOT NULL,
    nas TEXT NOT NULL,
    user_name TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (journal_number, lsn)
) STRICT;

CREATE TABLE boot (
    client TEXT NOT NULL,
    nas TEXT NOT NULL,
    booted_at INTEGER NOT NULL,
    PRIMARY KEY (client, nas)
) STRICT;

-- All records up to applied_lsn are in the books, none after last_lsn: there a journal begins whose
-- disk was lost.
CREATE TABLE journal_position (
    journal_number INTEGER NOT NULL PRIMARY KEY,
    applied_lsn INTEGER NOT NULL,
    last_lsn INTEGER NOT NULL,
    watermark_at INTEGER NOT NULL
) STRICT;

-- One row: counts the changes of customers and price lists. Its value at the last change of each
-- account stands in account_change (account_id 0: a price list), which so never needs pruning.
CREATE TABLE change_counter (
    one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    counter INTEGER NOT NULL
) STRICT;

INSERT INTO change_counter (one, counter) VALUES (1, 0);

CREATE TABLE account_change (
    account_id INTEGER NOT NULL PRIMARY KEY,
    counter INTEGER NOT NULL
) STRICT;

CREATE INDEX account_change_counter ON account_change (counter);
