-- Sessions, boots, journals, suspense and events, as the daemon and its tools read them.

-- name: fetch_sessions_by_key (keys, count)
-- dialect: sqlite
SELECT s.account_id, s.session_id, s.service_id, s.nas, s.acct_session_id, s.started_at, s.version,
    s.journal_number, s.lsn, s.last_at, s.heard_at, s.session_time_s, s.input_octets,
    s.output_octets, s.counters, s.meter, s.pieces, s.period_start_at, s.open_seconds,
    s.open_input_octets, s.open_output_octets, s.accrued_micros, s.details, s.status,
    s.ended_at, s.terminate_cause, s.presumed
FROM json_each(:keys) AS k
CROSS JOIN session AS s ON s.session_id IN (
    SELECT n.session_id FROM session AS n
    WHERE n.nas = k.value ->> 0 AND n.acct_session_id = k.value ->> 1
    ORDER BY n.started_at DESC LIMIT :count);

-- name: fetch_sessions_by_key (keys, count)
-- dialect: postgresql
SELECT s.account_id, s.session_id, s.service_id, s.nas, s.acct_session_id, s.started_at, s.version,
    s.journal_number, s.lsn, s.last_at, s.heard_at, s.session_time_s, s.input_octets,
    s.output_octets, s.counters, s.meter, s.pieces, s.period_start_at, s.open_seconds,
    s.open_input_octets, s.open_output_octets, s.accrued_micros, s.details, s.status,
    s.ended_at, s.terminate_cause, s.presumed
FROM jsonb_array_elements(:keys::jsonb) AS k (value)
CROSS JOIN LATERAL (
    SELECT n.* FROM session AS n
    WHERE n.nas = k.value ->> 0 AND n.acct_session_id = k.value ->> 1
    ORDER BY n.started_at DESC LIMIT :count) AS s;

-- name: fetch_open_sessions (account_id, session_id, count)
SELECT s.account_id, s.session_id, s.service_id, s.nas, s.acct_session_id, s.started_at, s.version,
    s.journal_number, s.lsn, s.last_at, s.heard_at, s.session_time_s, s.input_octets,
    s.output_octets, s.counters, s.meter, s.pieces, s.period_start_at, s.open_seconds,
    s.open_input_octets, s.open_output_octets, s.accrued_micros, s.details, s.status,
    s.ended_at, s.terminate_cause, s.presumed
FROM session AS s
WHERE s.status = 'open' AND (s.account_id, s.session_id) > (:account_id, :session_id)
ORDER BY s.account_id, s.session_id LIMIT :count;

-- name: fetch_session (account_id, session_id)
SELECT s.account_id, s.session_id, s.service_id, s.nas, s.acct_session_id, s.started_at, s.version,
    s.journal_number, s.lsn, s.last_at, s.heard_at, s.session_time_s, s.input_octets,
    s.output_octets, s.counters, s.meter, s.pieces, s.period_start_at, s.open_seconds,
    s.open_input_octets, s.open_output_octets, s.accrued_micros, s.details, s.status,
    s.ended_at, s.terminate_cause, s.presumed
FROM session AS s
WHERE s.account_id = :account_id AND s.session_id = :session_id;

-- name: fetch_boots ()
SELECT client, nas, booted_at FROM boot;

-- name: fetch_journal_positions ()
SELECT journal_number, applied_lsn, last_lsn, watermark_at FROM journal_position
ORDER BY journal_number;

-- name: fetch_suspense (journal_number, lsn, count)
SELECT journal_number, lsn, received_at, reason, client, nas, user_name, body FROM suspense
WHERE (journal_number, lsn) > (:journal_number, :lsn)
ORDER BY journal_number, lsn LIMIT :count;

-- name: count_suspense ()
SELECT reason, count(*) FROM suspense GROUP BY reason ORDER BY reason;

-- A key of its own have all events but usage: its session and the number of the piece name that.
-- name: fetch_events (account_id, before, count)
SELECT event_id, account_id, coalesce(event_key, 'usage/' || session_id || '/' || piece),
    service_id, event_type, service_at, posted_at, actor, data
FROM event WHERE account_id = :account_id AND event_id < :before
ORDER BY event_id DESC LIMIT :count;

-- name: fetch_event_by_key (account_id, event_key)
-- dialect: sqlite
SELECT event_id, account_id, event_key, service_id, event_type, service_at, posted_at, actor, data
FROM event WHERE account_id = :account_id AND event_key = :event_key;

-- name: fetch_event_by_key (account_id, event_key)
-- dialect: postgresql
SELECT e.event_id, e.account_id, e.event_key, e.service_id, e.event_type, e.service_at, e.posted_at,
    e.actor, e.data
FROM event_key AS k
JOIN event AS e ON e.account_id = k.account_id AND e.event_id = k.event_id
WHERE k.account_id = :account_id AND k.event_key = :event_key;

-- name: fetch_impacts (account_id, first_event_id, last_event_id)
-- dialect: sqlite
SELECT i.event_id, i.account_id, i.resource, i.amount_micros, i.from_gl, i.to_gl, i.tax_code,
    i.source
FROM event AS e
CROSS JOIN impact AS i ON i.account_id = e.account_id AND i.event_id = e.event_id
WHERE e.account_id = :account_id AND e.event_id BETWEEN :first_event_id AND :last_event_id
ORDER BY i.event_id, i.position;

-- name: fetch_impacts (account_id, first_event_id, last_event_id)
-- dialect: postgresql
SELECT event_id, account_id, resource, amount_micros, from_gl, to_gl, tax_code, source
FROM impact
WHERE account_id = :account_id AND event_id BETWEEN :first_event_id AND :last_event_id
ORDER BY event_id, position;
