-- What the one writer of balances writes.

-- Sessions are written at once, in the belief that all win their compare-and-set; when one did not,
-- they are taken back to here and sorted out.
-- name: mark_sessions ()
SAVEPOINT sessions;

-- name: take_back_sessions ()
ROLLBACK TO SAVEPOINT sessions;

-- name: fetch_session_versions (keys)
-- dialect: sqlite
SELECT s.session_id, s.version, s.status
FROM json_each(:keys) AS k
CROSS JOIN session AS s ON s.account_id = k.value ->> 0 AND s.session_id = k.value ->> 1;

-- The rows stay locked until they are written: another node may post the same sessions.
-- name: fetch_session_versions (keys)
-- dialect: postgresql
SELECT s.session_id, s.version, s.status
FROM jsonb_array_elements(:keys::jsonb) AS k (value)
JOIN session AS s
    ON s.account_id = (k.value ->> 0)::bigint AND s.session_id = (k.value ->> 1)::bigint
ORDER BY s.account_id, s.session_id FOR UPDATE OF s;

-- name: fetch_session_starts (keys)
-- dialect: sqlite
SELECT s.nas, s.acct_session_id, s.started_at, s.account_id
FROM json_each(:keys) AS k
CROSS JOIN session AS s ON s.nas = k.value ->> 0 AND s.acct_session_id = k.value ->> 1
    AND s.started_at = k.value ->> 2 AND s.account_id = k.value ->> 3;

-- name: fetch_session_starts (keys)
-- dialect: postgresql
SELECT s.nas, s.acct_session_id, s.started_at, s.account_id
FROM jsonb_array_elements(:keys::jsonb) AS k (value)
JOIN session AS s ON s.nas = k.value ->> 0 AND s.acct_session_id = k.value ->> 1
    AND s.started_at = (k.value ->> 2)::bigint AND s.account_id = (k.value ->> 3)::bigint;

-- Raises where the id, or (NAS, Acct-Session-Id, start), stands already.
-- name: insert_session (account_id, session_id, service_id, nas, acct_session_id, started_at, version, journal_number, lsn, last_at, heard_at, session_time_s, input_octets, output_octets, counters, meter, pieces, period_start_at, open_seconds, open_input_octets, open_output_octets, accrued_micros, details, status, ended_at, terminate_cause, presumed)
INSERT INTO session (
    account_id, session_id, service_id, nas, acct_session_id, started_at, version, journal_number,
    lsn, last_at, heard_at, session_time_s, input_octets, output_octets, counters, meter, pieces,
    period_start_at, open_seconds, open_input_octets, open_output_octets, accrued_micros, details,
    status, ended_at, terminate_cause, presumed)
VALUES (
    :account_id, :session_id, :service_id, :nas, :acct_session_id, :started_at, :version,
    :journal_number, :lsn, :last_at, :heard_at, :session_time_s, :input_octets, :output_octets,
    :counters, :meter, :pieces, :period_start_at, :open_seconds, :open_input_octets,
    :open_output_octets, :accrued_micros, :details, :status, :ended_at, :terminate_cause,
    :presumed);

-- The usual report: the session stays open, and no index is touched.
-- name: advance_session (account_id, session_id, stored_version, version, journal_number, lsn, last_at, heard_at, session_time_s, input_octets, output_octets, counters, meter, pieces, period_start_at, open_seconds, open_input_octets, open_output_octets, accrued_micros, details)
UPDATE session SET
    version = :version, journal_number = :journal_number, lsn = :lsn, last_at = :last_at,
    heard_at = :heard_at, session_time_s = :session_time_s, input_octets = :input_octets,
    output_octets = :output_octets, counters = :counters, meter = :meter, pieces = :pieces,
    period_start_at = :period_start_at, open_seconds = :open_seconds,
    open_input_octets = :open_input_octets, open_output_octets = :open_output_octets,
    accrued_micros = :accrued_micros, details = :details
WHERE account_id = :account_id AND session_id = :session_id AND version = :stored_version
    AND status = 'open';

-- An end, or a presumed end taken back.
-- name: settle_session (account_id, session_id, stored_version, version, journal_number, lsn, last_at, heard_at, session_time_s, input_octets, output_octets, counters, meter, pieces, period_start_at, open_seconds, open_input_octets, open_output_octets, accrued_micros, details, status, ended_at, terminate_cause, presumed)
UPDATE session SET
    version = :version, journal_number = :journal_number, lsn = :lsn, last_at = :last_at,
    heard_at = :heard_at, session_time_s = :session_time_s, input_octets = :input_octets,
    output_octets = :output_octets, counters = :counters, meter = :meter, pieces = :pieces,
    period_start_at = :period_start_at, open_seconds = :open_seconds,
    open_input_octets = :open_input_octets, open_output_octets = :open_output_octets,
    accrued_micros = :accrued_micros, details = :details, status = :status, ended_at = :ended_at,
    terminate_cause = :terminate_cause, presumed = :presumed
WHERE account_id = :account_id AND session_id = :session_id AND version = :stored_version;

-- name: insert_usage_event (account_id, event_id, service_id, event_type, service_at, posted_at, actor, data, session_id, piece, period_start_at, seconds, input_octets, output_octets)
INSERT INTO event (
    account_id, event_id, service_id, event_type, service_at, posted_at, actor, data, session_id,
    piece, period_start_at, seconds, input_octets, output_octets)
VALUES (
    :account_id, :event_id, :service_id, :event_type, :service_at, :posted_at, :actor, :data,
    :session_id, :piece, :period_start_at, :seconds, :input_octets, :output_octets);

-- name: insert_event (account_id, event_id, event_key, service_id, event_type, service_at, posted_at, actor, data)
-- dialect: sqlite
INSERT INTO event (
    account_id, event_id, event_key, service_id, event_type, service_at, posted_at, actor, data)
VALUES (
    :account_id, :event_id, :event_key, :service_id, :event_type, :service_at, :posted_at, :actor,
    :data)
ON CONFLICT (account_id, event_key) WHERE event_key IS NOT NULL DO NOTHING;

-- name: insert_event (account_id, event_id, event_key, service_id, event_type, service_at, posted_at, actor, data)
-- dialect: postgresql
WITH new_key AS (
    INSERT INTO event_key (account_id, event_key, event_id)
    VALUES (:account_id, :event_key, :event_id)
    ON CONFLICT (account_id, event_key) DO NOTHING
    RETURNING event_id)
INSERT INTO event (
    account_id, event_id, event_key, service_id, event_type, service_at, posted_at, actor, data)
SELECT :account_id, event_id, :event_key, :service_id, :event_type, :service_at, :posted_at, :actor,
    :data
FROM new_key;

-- name: insert_impact (account_id, event_id, position, resource, amount_micros, from_gl, to_gl, tax_code, source, bill_unit_id, item_kind, cycle_start_at)
INSERT INTO impact (
    account_id, event_id, position, resource, amount_micros, from_gl, to_gl, tax_code, source,
    bill_unit_id, item_kind, cycle_start_at)
VALUES (
    :account_id, :event_id, :position, :resource, :amount_micros, :from_gl, :to_gl, :tax_code,
    :source, :bill_unit_id, :item_kind, :cycle_start_at);

-- name: add_to_item (account_id, bill_unit_id, item_kind, cycle_start_at, resource, amount_micros)
INSERT INTO item (account_id, bill_unit_id, item_kind, cycle_start_at, resource, amount_micros)
VALUES (:account_id, :bill_unit_id, :item_kind, :cycle_start_at, :resource, :amount_micros)
ON CONFLICT (account_id, bill_unit_id, item_kind, cycle_start_at, resource)
DO UPDATE SET amount_micros = item.amount_micros + excluded.amount_micros;

-- name: add_to_balance (account_id, resource, posted_micros)
INSERT INTO balance (account_id, resource, posted_micros, leased_micros)
VALUES (:account_id, :resource, :posted_micros, 0)
ON CONFLICT (account_id, resource) DO UPDATE SET
    posted_micros = balance.posted_micros + excluded.posted_micros;

-- name: add_to_usage_counter (account_id, service_id, period_start_at, seconds, input_octets, output_octets, charge_micros)
INSERT INTO usage_counter (
    account_id, service_id, period_start_at, seconds, input_octets, output_octets, charge_micros)
VALUES (
    :account_id, :service_id, :period_start_at, :seconds, :input_octets, :output_octets,
    :charge_micros)
ON CONFLICT (account_id, service_id, period_start_at) DO UPDATE SET
    seconds = usage_counter.seconds + excluded.seconds,
    input_octets = usage_counter.input_octets + excluded.input_octets,
    output_octets = usage_counter.output_octets + excluded.output_octets,
    charge_micros = usage_counter.charge_micros + excluded.charge_micros;

-- name: insert_limit_crossing (account_id, service_id, limit_name, period_start_at, threshold, revision, metric, threshold_quantity, used_quantity, crossed_at)
INSERT INTO limit_crossing (
    account_id, service_id, limit_name, period_start_at, threshold, revision, metric,
    threshold_quantity,
    used_quantity, crossed_at)
VALUES (
    :account_id, :service_id, :limit_name, :period_start_at, :threshold, :revision, :metric,
    :threshold_quantity, :used_quantity, :crossed_at)
ON CONFLICT (account_id, service_id, limit_name, period_start_at, threshold, revision) DO NOTHING;

-- name: insert_suspense (journal_number, lsn, received_at, reason, client, nas, user_name, body)
INSERT INTO suspense (journal_number, lsn, received_at, reason, client, nas, user_name, body)
VALUES (:journal_number, :lsn, :received_at, :reason, :client, :nas, :user_name, :body)
ON CONFLICT (journal_number, lsn) DO NOTHING;

-- name: forget_suspense (journal_number, first_lsn, end_lsn)
DELETE FROM suspense
WHERE journal_number = :journal_number AND lsn >= :first_lsn AND lsn < :end_lsn;

-- name: raise_boot (client, nas, booted_at)
INSERT INTO boot (client, nas, booted_at) VALUES (:client, :nas, :booted_at)
ON CONFLICT (client, nas) DO UPDATE SET booted_at = excluded.booted_at
WHERE excluded.booted_at > boot.booted_at;

-- name: raise_journal_position (journal_number, applied_lsn, last_lsn, watermark_at)
-- dialect: sqlite
INSERT INTO journal_position (journal_number, applied_lsn, last_lsn, watermark_at)
VALUES (:journal_number, :applied_lsn, :last_lsn, :watermark_at)
ON CONFLICT (journal_number) DO UPDATE SET
    applied_lsn = max(journal_position.applied_lsn, excluded.applied_lsn),
    last_lsn = max(journal_position.last_lsn, excluded.last_lsn),
    watermark_at = max(journal_position.watermark_at, excluded.watermark_at);

-- name: raise_journal_position (journal_number, applied_lsn, last_lsn, watermark_at)
-- dialect: postgresql
INSERT INTO journal_position (journal_number, applied_lsn, last_lsn, watermark_at)
VALUES (:journal_number, :applied_lsn, :last_lsn, :watermark_at)
ON CONFLICT (journal_number) DO UPDATE SET
    applied_lsn = greatest(journal_position.applied_lsn, excluded.applied_lsn),
    last_lsn = greatest(journal_position.last_lsn, excluded.last_lsn),
    watermark_at = greatest(journal_position.watermark_at, excluded.watermark_at);

-- name: insert_outbox (account_id, outbox_key, kind, name, data, created_at, done_at)
INSERT INTO outbox (account_id, outbox_key, kind, name, data, created_at, done_at)
VALUES (:account_id, :outbox_key, :kind, :name, :data, :created_at, :done_at)
ON CONFLICT (account_id, outbox_key) DO NOTHING;
