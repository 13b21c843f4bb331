-- Read-only views for ODBC and BI: plain names, exact decimals, instants with their zone.

CREATE VIEW v_account AS
SELECT a.account_id, a.brand, a.name, a.email, a.status, a.status_reason, a.currency, a.zone,
    b.bill_day, b.due_days, (a.credit_limit_micros * 0.000001)::numeric(19, 6) AS credit_limit,
    a.tax_status, to_timestamp(a.created_at) AS created, a.profile
FROM account a
JOIN bill_unit b ON b.account_id = a.account_id AND b.bill_unit_id = a.account_id;

CREATE VIEW v_service AS
SELECT s.account_id, s.service_id, s.brand, s.login, s.status, s.status_reason,
    to_timestamp(s.activated_at) AS activated, c.scheme AS password_scheme, s.reply, s.profile
FROM service s
LEFT JOIN credential c ON c.account_id = s.account_id AND c.service_id = s.service_id;

-- The numbers are places in session.details (ledger/session_rows.py).
CREATE VIEW v_session AS
SELECT s.account_id, s.session_id, s.service_id, v.login,
    s.details::json ->> 0 AS user_name, s.details::json ->> 1 AS client, s.nas,
    s.details::json ->> 2 AS nas_address, s.details::json ->> 3 AS nas_port,
    s.acct_session_id, s.details::json ->> 4 AS framed_address,
    s.details::json ->> 5 AS calling_station_id,
    s.details::json ->> 6 AS called_station_id, s.status,
    to_timestamp(s.started_at) AS started, to_timestamp(s.ended_at) AS ended,
    to_timestamp(s.heard_at) AS last_heard,
    s.session_time_s AS seconds, s.input_octets, s.output_octets,
    (s.accrued_micros * 0.000001)::numeric(19, 6) AS accrued, s.terminate_cause, s.presumed
FROM session s
LEFT JOIN service v ON v.account_id = s.account_id AND v.service_id = s.service_id;

CREATE VIEW v_event AS
SELECT e.account_id, e.event_id, e.event_type, e.service_id, e.session_id, e.actor,
    to_timestamp(e.service_at) AS service_time, to_timestamp(e.posted_at) AS posted_time,
    e.seconds, e.input_octets, e.output_octets, i.resource,
    (i.amount_micros * 0.000001)::numeric(19, 6) AS amount,
    i.from_gl, i.to_gl, i.tax_code, i.item_kind, e.data
FROM event e
LEFT JOIN impact i ON i.account_id = e.account_id AND i.event_id = e.event_id;

-- What an account owes, with what its open sessions have run up: that is money of its currency.
CREATE VIEW account_balance AS
SELECT b.account_id, b.resource, b.posted_micros,
    CASE WHEN b.resource = a.currency THEN coalesce((
        SELECT sum(s.accrued_micros)::bigint FROM session s
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
SELECT account_id, resource, (posted_micros * 0.000001)::numeric(19, 6) AS posted,
    (accrued_micros * 0.000001)::numeric(19, 6) AS accrued,
    (leased_micros * 0.000001)::numeric(19, 6) AS leased
FROM account_balance;
