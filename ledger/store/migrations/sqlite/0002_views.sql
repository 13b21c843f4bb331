-- Read-only views for ODBC and BI: plain names, exact decimals as text, UTC instants in ISO 8601.

CREATE VIEW v_account AS
SELECT a.account_id, a.brand, a.name, a.email, a.status, a.status_reason, a.currency, a.zone,
    b.bill_day, b.due_days,
    CASE WHEN a.credit_limit_micros IS NOT NULL THEN
        CASE WHEN a.credit_limit_micros < 0 THEN '-' ELSE '' END
        || printf('%d.%06d', abs(a.credit_limit_micros) / 1000000,
            abs(a.credit_limit_micros) % 1000000)
    END AS credit_limit,
    a.tax_status, strftime('%Y-%m-%dT%H:%M:%SZ', a.created_at, 'unixepoch') AS created, a.profile
FROM account a
JOIN bill_unit b ON b.account_id = a.account_id AND b.bill_unit_id = a.account_id;

CREATE VIEW v_service AS
SELECT s.account_id, s.service_id, s.brand, s.login, s.status, s.status_reason,
    strftime('%Y-%m-%dT%H:%M:%SZ', s.activated_at, 'unixepoch') AS activated,
    c.scheme AS password_scheme, s.reply, s.profile
FROM service s
LEFT JOIN credential c ON c.account_id = s.account_id AND c.service_id = s.service_id;

-- The numbers are places in session.details (ledger/session_rows.py).
CREATE VIEW v_session AS
SELECT s.account_id, s.session_id, s.service_id, v.login,
    s.details ->> 0 AS user_name, s.details ->> 1 AS client, s.nas,
    s.details ->> 2 AS nas_address, s.details ->> 3 AS nas_port,
    s.acct_session_id, s.details ->> 4 AS framed_address,
    s.details ->> 5 AS calling_station_id,
    s.details ->> 6 AS called_station_id, s.status,
    strftime('%Y-%m-%dT%H:%M:%SZ', s.started_at, 'unixepoch') AS started,
    strftime('%Y-%m-%dT%H:%M:%SZ', s.ended_at, 'unixepoch') AS ended,
    strftime('%Y-%m-%dT%H:%M:%SZ', s.heard_at, 'unixepoch') AS last_heard,
    s.session_time_s AS seconds, s.input_octets, s.output_octets,
    CASE WHEN s.accrued_micros < 0 THEN '-' ELSE '' END
    || printf('%d.%06d', abs(s.accrued_micros) / 1000000, abs(s.accrued_micros) % 1000000)
    AS accrued,
    s.terminate_cause, s.presumed
FROM session s
LEFT JOIN service v ON v.account_id = s.account_id AND v.service_id = s.service_id;

CREATE VIEW v_event AS
SELECT e.account_id, e.event_id, e.event_type, e.service_id, e.session_id, e.actor,
    strftime('%Y-%m-%dT%H:%M:%SZ', e.service_at, 'unixepoch') AS service_time,
    strftime('%Y-%m-%dT%H:%M:%SZ', e.posted_at, 'unixepoch') AS posted_time,
    e.seconds, e.input_octets, e.output_octets, i.resource,
    CASE WHEN i.amount_micros < 0 THEN '-' ELSE '' END
    || printf('%d.%06d', abs(i.amount_micros) / 1000000, abs(i.amount_micros) % 1000000) AS amount,
    i.from_gl, i.to_gl, i.tax_code, i.item_kind, e.data
FROM event e
LEFT JOIN impact i ON i.account_id = e.account_id AND i.event_id = e.event_id;

-- What an account owes, with what its open sessions have run up: that is money of its currency.
CREATE VIEW account_balance AS
SELECT b.account_id, b.resource, b.posted_micros,
    CASE WHEN b.resource = a.currency THEN coalesce((
        SELECT sum(s.accrued_micros) FROM session s
        WHERE s.account_id = b.account_id AND s.status = 'open'), 0) ELSE 0 END AS accrued_micros,
    b.leased_micros
FROM balance b
JOIN account a ON a.account_id = b.account_id;

-- The usage of a service in a billing cycle, posted and open: a row of each, to be summed.
CREATE VIEW account_usage AS
SELECT account_id, service_id, period_start_at, seconds, input_octets, output_octets, charge_micros
FROM usage_counter
UNION ALL
SELECT account_id, service_id, period_start_at, open_seconds, open_input_octets, open_output_octets,
    accrued_micros
FROM session WHERE status = 'open';

CREATE VIEW v_balance AS
SELECT account_id, resource,
    CASE WHEN posted_micros < 0 THEN '-' ELSE '' END
    || printf('%d.%06d', abs(posted_micros) / 1000000, abs(posted_micros) % 1000000) AS posted,
    CASE WHEN accrued_micros < 0 THEN '-' ELSE '' END
    || printf('%d.%06d', abs(accrued_micros) / 1000000, abs(accrued_micros) % 1000000) AS accrued,
    printf('%d.%06d', leased_micros / 1000000, leased_micros % 1000000) AS leased
FROM account_balance;
