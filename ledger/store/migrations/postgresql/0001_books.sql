-- The books, PostgreSQL dialect: the schema of the SQLite one by meaning. Distributed by account on
-- Citus: every growing table has account_id in its primary key and unique keys; login, brand,
-- price_list, boot, journal_position, id_floor and suspense are small or know no account. Ids are
-- made by the application. Instants are UTC epoch seconds, amounts micros. Text is compared by its
-- octets (collation C), as SQLite does.

CREATE TABLE store (
    store_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    created_at BIGINT NOT NULL
);

CREATE TABLE schema_migration (
    number BIGINT NOT NULL PRIMARY KEY CHECK (number > 0),
    name TEXT COLLATE "C" NOT NULL,
    sha256 TEXT COLLATE "C" NOT NULL,
    applied_at BIGINT NOT NULL
);

-- The last id that each node made: ids stay unique over restarts and clocks that go back.
CREATE TABLE id_floor (
    node BIGINT NOT NULL PRIMARY KEY,
    last_id BIGINT NOT NULL
);

CREATE TABLE brand (
    brand TEXT COLLATE "C" NOT NULL PRIMARY KEY CHECK (brand <> ''),
    created_at BIGINT NOT NULL
);

-- A price list is a TOML text: prices with their tax codes, gross or net, stand in it and nowhere
-- else, so that there is one truth. ledger.catalog parses it; events copy what they were priced by.
CREATE TABLE price_list (
    brand TEXT COLLATE "C" NOT NULL REFERENCES brand (brand),
    version BIGINT NOT NULL CHECK (version > 0),
    effective_at BIGINT NOT NULL,
    sha256 TEXT COLLATE "C" NOT NULL,
    text TEXT COLLATE "C" NOT NULL,
    stored_at BIGINT NOT NULL,
    actor TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (brand, version)
);

CREATE TABLE account (
    account_id BIGINT NOT NULL PRIMARY KEY CHECK (account_id > 0),
    brand TEXT COLLATE "C" NOT NULL REFERENCES brand (brand),
    name TEXT COLLATE "C" NOT NULL,
    currency TEXT COLLATE "C" NOT NULL CHECK (length(currency) = 3),
    zone TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL
        CHECK (status IN ('active', 'suspended', 'closed', 'collections')),
    status_reason TEXT COLLATE "C" NOT NULL,
    credit_limit_micros BIGINT,
    tax_status TEXT COLLATE "C" NOT NULL
        CHECK (tax_status IN ('taxable', 'exempt', 'reverse_charge')),
    email TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    profile TEXT COLLATE "C" NOT NULL
);

-- Who is billed when, on which terms. The default unit of an account bears the account's own id.
-- From look_at on there is something to do: a fee or a bill is due, or a purchase changed (0).
CREATE TABLE bill_unit (
    account_id BIGINT NOT NULL REFERENCES account (account_id),
    bill_unit_id BIGINT NOT NULL,
    bill_day BIGINT NOT NULL CHECK (bill_day BETWEEN 1 AND 31),
    due_days BIGINT NOT NULL CHECK (due_days >= 0),
    cycles_per_bill BIGINT NOT NULL DEFAULT 1 CHECK (cycles_per_bill BETWEEN 1 AND 12),
    balance_forward BIGINT NOT NULL DEFAULT 1 CHECK (balance_forward IN (0, 1)),
    billed_until_at BIGINT,
    look_at BIGINT NOT NULL DEFAULT 0,
    parent_account_id BIGINT,
    parent_bill_unit_id BIGINT,
    PRIMARY KEY (account_id, bill_unit_id)
);

CREATE INDEX bill_unit_look ON bill_unit (look_at, account_id);

CREATE TABLE login (
    brand TEXT COLLATE "C" NOT NULL,
    login TEXT COLLATE "C" NOT NULL CHECK (login <> ''),
    account_id BIGINT NOT NULL,
    service_id BIGINT NOT NULL,
    PRIMARY KEY (brand, login)
);

CREATE TABLE service (
    account_id BIGINT NOT NULL REFERENCES account (account_id),
    service_id BIGINT NOT NULL CHECK (service_id > 0),
    brand TEXT COLLATE "C" NOT NULL,
    login TEXT COLLATE "C" NOT NULL CHECK (login <> ''),
    status TEXT COLLATE "C" NOT NULL CHECK (status IN ('active', 'suspended', 'closed')),
    status_reason TEXT COLLATE "C" NOT NULL,
    activated_at BIGINT NOT NULL,
    reply TEXT COLLATE "C" NOT NULL,
    profile TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (account_id, service_id),
    UNIQUE (account_id, login)
);

CREATE TABLE credential (
    account_id BIGINT NOT NULL,
    service_id BIGINT NOT NULL,
    scheme TEXT COLLATE "C" NOT NULL CHECK (scheme IN ('sealed', 'nt_hash', 'argon2')),
    secret BYTEA NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, service_id),
    FOREIGN KEY (account_id, service_id) REFERENCES service (account_id, service_id)
);

CREATE TABLE purchase (
    account_id BIGINT NOT NULL,
    purchase_id BIGINT NOT NULL,
    service_id BIGINT NOT NULL,
    offer TEXT COLLATE "C" NOT NULL CHECK (offer <> ''),
    from_at BIGINT NOT NULL,
    to_at BIGINT CHECK (to_at >= from_at),
    quantity BIGINT NOT NULL DEFAULT 1 CHECK (quantity > 0),
    PRIMARY KEY (account_id, purchase_id),
    FOREIGN KEY (account_id, service_id) REFERENCES service (account_id, service_id)
);

-- Revisions are kept: the newest one of its name holds. period_start_at 0: for every period, else
-- only for that one (a top-up).
CREATE TABLE own_limit (
    account_id BIGINT NOT NULL REFERENCES account (account_id),
    service_id BIGINT NOT NULL CHECK (service_id >= 0),
    limit_name TEXT COLLATE "C" NOT NULL CHECK (limit_name <> ''),
    period_start_at BIGINT NOT NULL,
    revision BIGINT NOT NULL CHECK (revision >= 0),
    metric TEXT COLLATE "C" NOT NULL
        CHECK (metric IN ('seconds', 'octets', 'input_octets', 'output_octets', 'money')),
    soft BIGINT CHECK (soft >= 0),
    hard BIGINT CHECK (hard >= 0),
    set_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, service_id, limit_name, period_start_at, revision)
);

-- Every reason for which an account (service_id 0) or a service is suspended now; its history is
-- events.
CREATE TABLE suspension (
    account_id BIGINT NOT NULL REFERENCES account (account_id),
    service_id BIGINT NOT NULL,
    reason TEXT COLLATE "C" NOT NULL CHECK (reason IN ('manual', 'usage', 'overdue', 'expired')),
    since_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, service_id, reason)
);

-- `details` is what the NAS says of itself and the user, a JSON list. `open_*` and `accrued_micros`
-- are the running piece since the last cut, 0 when the session has ended; what accounts accrue and
-- have used is always summed from here, so an interim report changes this row and nothing else.
-- Rows that change often leave room on their page, and no index holds a column that a usual report
-- changes: an update stays on its page (HOT).
CREATE TABLE session (
    account_id BIGINT NOT NULL,
    session_id BIGINT NOT NULL CHECK (session_id > 0),
    service_id BIGINT NOT NULL,
    nas TEXT COLLATE "C" NOT NULL,
    acct_session_id TEXT COLLATE "C" NOT NULL,
    started_at BIGINT NOT NULL,
    status TEXT COLLATE "C" NOT NULL CHECK (status = 'open' OR status = 'closed'),
    version BIGINT NOT NULL CHECK (version > 0),
    journal_number BIGINT NOT NULL,
    lsn BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    heard_at BIGINT NOT NULL,
    session_time_s BIGINT NOT NULL CHECK (session_time_s >= 0),
    input_octets BIGINT NOT NULL CHECK (input_octets >= 0),
    output_octets BIGINT NOT NULL CHECK (output_octets >= 0),
    counters BYTEA NOT NULL,
    meter BYTEA NOT NULL,
    pieces BIGINT NOT NULL CHECK (pieces >= 0),
    period_start_at BIGINT NOT NULL,
    open_seconds BIGINT NOT NULL,
    open_input_octets BIGINT NOT NULL,
    open_output_octets BIGINT NOT NULL,
    accrued_micros BIGINT NOT NULL,
    details TEXT COLLATE "C" NOT NULL,
    ended_at BIGINT,
    terminate_cause TEXT COLLATE "C" NOT NULL,
    presumed BIGINT NOT NULL CHECK (presumed = 0 OR presumed = 1),
    PRIMARY KEY (account_id, session_id),
    UNIQUE (nas, acct_session_id, started_at, account_id),
    CHECK ((status = 'closed') = (ended_at IS NOT NULL))
) WITH (fillfactor = 70);

CREATE INDEX session_open ON session (account_id, session_id) WHERE status = 'open';

-- Everything that happened, with who did it. The usage columns are 0 on other events; `data` holds
-- the rated segments of usage and the old and new values of a change, as JSON. A piece of usage has
-- no key: its session's compare-and-set lets it in once, and its session and number name it.
-- Partitioned by month: an id begins with the instant when it was made, so it names its partition.
CREATE TABLE event (
    account_id BIGINT NOT NULL,
    event_id BIGINT NOT NULL CHECK (event_id > 0),
    event_key TEXT COLLATE "C" CHECK (event_key <> ''),
    service_id BIGINT NOT NULL,
    event_type TEXT COLLATE "C" NOT NULL CHECK (event_type <> ''),
    service_at BIGINT NOT NULL,
    posted_at BIGINT NOT NULL,
    actor TEXT COLLATE "C" NOT NULL,
    data TEXT COLLATE "C" NOT NULL,
    session_id BIGINT NOT NULL DEFAULT 0,
    piece BIGINT NOT NULL DEFAULT 0,
    period_start_at BIGINT NOT NULL DEFAULT 0,
    seconds BIGINT NOT NULL DEFAULT 0,
    input_octets BIGINT NOT NULL DEFAULT 0,
    output_octets BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (account_id, event_id),
    CHECK ((event_key IS NULL) = (event_type = 'usage'))
) PARTITION BY RANGE (event_id);

CREATE TABLE event_default PARTITION OF event DEFAULT;

-- What is no effect of a session has a key that is unique for ever, over all months.
CREATE TABLE event_key (
    account_id BIGINT NOT NULL,
    event_key TEXT COLLATE "C" NOT NULL,
    event_id BIGINT NOT NULL,
    PRIMARY KEY (account_id, event_key)
);

CREATE TABLE impact (
    account_id BIGINT NOT NULL,
    event_id BIGINT NOT NULL,
    position BIGINT NOT NULL,
    resource TEXT COLLATE "C" NOT NULL CHECK (resource <> ''),
    amount_micros BIGINT NOT NULL,
    from_gl TEXT COLLATE "C" NOT NULL CHECK (from_gl <> ''),
    to_gl TEXT COLLATE "C" NOT NULL CHECK (to_gl <> ''),
    tax_code TEXT COLLATE "C" NOT NULL,
    source TEXT COLLATE "C" NOT NULL,
    bill_unit_id BIGINT NOT NULL,
    item_kind TEXT COLLATE "C" NOT NULL,
    cycle_start_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, event_id, position)
) PARTITION BY RANGE (event_id);

CREATE TABLE impact_default PARTITION OF impact DEFAULT;

-- The first id of the month that begins `months` after the one that holds `at` (epoch seconds,
-- UTC); ledger/ids.py: milliseconds since 2020 above 22 bits of node and sequence.
CREATE FUNCTION first_id_of_month(at BIGINT, months INTEGER) RETURNS BIGINT
LANGUAGE sql IMMUTABLE AS $$
    SELECT greatest(0, (extract(epoch FROM
        (date_trunc('month', to_timestamp(at) AT TIME ZONE 'UTC') + make_interval(months => months))
        AT TIME ZONE 'UTC')::bigint - 1577836800) * 1000) << 22;
$$;

-- Makes the partitions of event and impact for the month that holds `at` and as many after it as
-- `ahead` says. What waits in a default partition moves to its month. Returns how many were made.
CREATE FUNCTION make_partitions(at BIGINT, ahead INTEGER) RETURNS BIGINT
LANGUAGE plpgsql AS $$
DECLARE
    made BIGINT := 0;
    parent TEXT;
    partition TEXT;
    low BIGINT;
    high BIGINT;
BEGIN
    FOR month IN 0..ahead LOOP
        low := first_id_of_month(at, month);
        high := first_id_of_month(at, month + 1);
        FOREACH parent IN ARRAY ARRAY['event', 'impact'] LOOP
            partition := parent || to_char(
                to_timestamp((low >> 22) / 1000 + 1577836800) AT TIME ZONE 'UTC', '_YYYY_MM');
            CONTINUE WHEN to_regclass(quote_ident(current_schema()) || '.' || partition) IS NOT NULL
                OR high = low;
            EXECUTE format(
                'CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)',
                partition, parent);
            EXECUTE format(
                'WITH moved AS (DELETE FROM %I WHERE event_id >= %s AND event_id < %s RETURNING *) '
                'INSERT INTO %I SELECT * FROM moved', parent || '_default', low, high, partition);
            EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)',
                parent, partition, low, high);
            made := made + 1;
        END LOOP;
    END LOOP;
    RETURN made;
END;
$$;

-- A bill item sums the impacts of one kind in one cycle of a bill unit (B87), and how much of them
-- stands on bills: a bill takes the difference (docs/decisions/bills.md).
CREATE TABLE item (
    account_id BIGINT NOT NULL,
    bill_unit_id BIGINT NOT NULL,
    item_kind TEXT COLLATE "C" NOT NULL CHECK (item_kind = 'usage' OR item_kind = 'cycle_forward'
        OR item_kind = 'cycle_arrears' OR item_kind = 'purchase' OR item_kind = 'cancel'
        OR item_kind = 'tax' OR item_kind = 'adjustment' OR item_kind = 'payment'),
    cycle_start_at BIGINT NOT NULL,
    resource TEXT COLLATE "C" NOT NULL,
    amount_micros BIGINT NOT NULL,
    billed_micros BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (account_id, bill_unit_id, item_kind, cycle_start_at, resource)
) WITH (fillfactor = 70);

CREATE TABLE bill (
    account_id BIGINT NOT NULL,
    bill_id BIGINT NOT NULL,
    bill_unit_id BIGINT NOT NULL,
    legal_entity TEXT COLLATE "C" NOT NULL,
    number BIGINT NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    cycle_start_at BIGINT NOT NULL,
    cycle_end_at BIGINT NOT NULL CHECK (cycle_end_at > cycle_start_at),
    finalized_at BIGINT NOT NULL,
    due_on TEXT COLLATE "C" NOT NULL,
    parties TEXT COLLATE "C" NOT NULL,
    total_minor BIGINT NOT NULL,
    previous_minor BIGINT NOT NULL,
    due_minor BIGINT NOT NULL,
    open_minor BIGINT NOT NULL,
    document_sha256 TEXT COLLATE "C",
    PRIMARY KEY (account_id, bill_id),
    UNIQUE (account_id, bill_unit_id, cycle_end_at)
);

CREATE INDEX bill_open ON bill (account_id, due_on) WHERE open_minor <> 0;

CREATE TABLE bill_line (
    account_id BIGINT NOT NULL,
    bill_id BIGINT NOT NULL,
    line BIGINT NOT NULL,
    item_kind TEXT COLLATE "C" NOT NULL,
    cycle_start_at BIGINT NOT NULL,
    source TEXT COLLATE "C" NOT NULL,
    tax_code TEXT COLLATE "C" NOT NULL,
    amount_micros BIGINT NOT NULL,
    amount_minor BIGINT NOT NULL,
    billed_micros BIGINT NOT NULL,
    PRIMARY KEY (account_id, bill_id, line),
    FOREIGN KEY (account_id, bill_id) REFERENCES bill (account_id, bill_id)
);

CREATE TABLE tax_line (
    account_id BIGINT NOT NULL,
    bill_id BIGINT NOT NULL,
    line BIGINT NOT NULL,
    tax_code TEXT COLLATE "C" NOT NULL,
    jurisdiction TEXT COLLATE "C" NOT NULL,
    rate_ppm BIGINT NOT NULL,
    base_minor BIGINT NOT NULL,
    tax_minor BIGINT NOT NULL,
    PRIMARY KEY (account_id, bill_id, line),
    FOREIGN KEY (account_id, bill_id) REFERENCES bill (account_id, bill_id)
);

-- Bill numbers have no gaps per legal entity: taken in the transaction that finalizes.
CREATE TABLE bill_number (
    legal_entity TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    last_number BIGINT NOT NULL CHECK (last_number >= 0)
);

-- What an account owes by its impacts. What its open sessions accrue stands in their rows.
CREATE TABLE balance (
    account_id BIGINT NOT NULL,
    resource TEXT COLLATE "C" NOT NULL,
    posted_micros BIGINT NOT NULL,
    leased_micros BIGINT NOT NULL CHECK (leased_micros >= 0),
    PRIMARY KEY (account_id, resource)
) WITH (fillfactor = 70);

-- The posted usage of a service in a billing cycle. That of open sessions stands in their rows.
CREATE TABLE usage_counter (
    account_id BIGINT NOT NULL,
    service_id BIGINT NOT NULL,
    period_start_at BIGINT NOT NULL,
    seconds BIGINT NOT NULL,
    input_octets BIGINT NOT NULL,
    output_octets BIGINT NOT NULL,
    charge_micros BIGINT NOT NULL,
    PRIMARY KEY (account_id, service_id, period_start_at)
) WITH (fillfactor = 70);

CREATE TABLE limit_crossing (
    account_id BIGINT NOT NULL,
    service_id BIGINT NOT NULL,
    limit_name TEXT COLLATE "C" NOT NULL,
    period_start_at BIGINT NOT NULL,
    threshold TEXT COLLATE "C" NOT NULL CHECK (threshold IN ('soft', 'hard')),
    revision BIGINT NOT NULL,
    metric TEXT COLLATE "C" NOT NULL,
    threshold_quantity BIGINT NOT NULL,
    used_quantity BIGINT NOT NULL,
    crossed_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, service_id, limit_name, period_start_at, threshold, revision)
);

CREATE TABLE outbox (
    account_id BIGINT NOT NULL,
    outbox_key TEXT COLLATE "C" NOT NULL CHECK (outbox_key <> ''),
    kind TEXT COLLATE "C" NOT NULL CHECK (kind IN ('mail', 'hook', 'network')),
    name TEXT COLLATE "C" NOT NULL,
    data TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    lease_owner TEXT COLLATE "C",
    lease_until_at BIGINT NOT NULL DEFAULT 0,
    attempts BIGINT NOT NULL DEFAULT 0,
    last_error TEXT COLLATE "C" NOT NULL DEFAULT '',
    done_at BIGINT,
    PRIMARY KEY (account_id, outbox_key)
);

CREATE INDEX outbox_pending ON outbox (kind, created_at) WHERE done_at IS NULL;

-- No account is known: that is why the record waits here.
CREATE TABLE suspense (
    journal_number BIGINT NOT NULL,
    lsn BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    client TEXT COLLATE "C" NOT NULL,
    nas TEXT COLLATE "C" NOT NULL,
    user_name TEXT COLLATE "C" NOT NULL,
    body BYTEA NOT NULL,
    PRIMARY KEY (journal_number, lsn)
);

CREATE TABLE boot (
    client TEXT COLLATE "C" NOT NULL,
    nas TEXT COLLATE "C" NOT NULL,
    booted_at BIGINT NOT NULL,
    PRIMARY KEY (client, nas)
);

-- All records up to applied_lsn are in the books, none after last_lsn: there a journal begins whose
-- disk was lost.
CREATE TABLE journal_position (
    journal_number BIGINT NOT NULL PRIMARY KEY,
    applied_lsn BIGINT NOT NULL,
    last_lsn BIGINT NOT NULL,
    watermark_at BIGINT NOT NULL
);

-- One row: counts the changes of customers and price lists. Its value at the last change of each
-- account stands in account_change (account_id 0: a price list), which so never needs pruning.
CREATE TABLE change_counter (
    one BIGINT NOT NULL PRIMARY KEY CHECK (one = 1),
    counter BIGINT NOT NULL
);

INSERT INTO change_counter (one, counter) VALUES (1, 0);

CREATE TABLE account_change (
    account_id BIGINT NOT NULL PRIMARY KEY,
    counter BIGINT NOT NULL
);

CREATE INDEX account_change_counter ON account_change (counter);
