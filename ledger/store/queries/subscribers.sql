-- Bulk reads of the daemon. Lists arrive as JSON, so that one query serves a whole drain.

-- name: fetch_services_by_login (brand, logins)
-- dialect: sqlite
SELECT a.account_id, a.brand, a.name, a.currency, a.zone, b.bill_day, a.status, a.status_reason,
    a.credit_limit_micros, a.tax_status, a.email, a.created_at, a.profile,
    s.service_id, s.login, s.status, s.status_reason, s.activated_at, s.reply, s.profile,
    c.scheme, c.secret
FROM json_each(:logins) AS k
CROSS JOIN login AS l ON l.brand = :brand AND l.login = k.value
JOIN service AS s ON s.account_id = l.account_id AND s.service_id = l.service_id
JOIN account AS a ON a.account_id = s.account_id
JOIN bill_unit AS b ON b.account_id = a.account_id AND b.bill_unit_id = a.account_id
LEFT JOIN credential AS c ON c.account_id = s.account_id AND c.service_id = s.service_id;

-- name: fetch_services_by_login (brand, logins)
-- dialect: postgresql
SELECT a.account_id, a.brand, a.name, a.currency, a.zone, b.bill_day, a.status, a.status_reason,
    a.credit_limit_micros, a.tax_status, a.email, a.created_at, a.profile,
    s.service_id, s.login, s.status, s.status_reason, s.activated_at, s.reply, s.profile,
    c.scheme, c.secret
FROM jsonb_array_elements_text(:logins::jsonb) AS k (value)
JOIN login AS l ON l.brand = :brand AND l.login = k.value
JOIN service AS s ON s.account_id = l.account_id AND s.service_id = l.service_id
JOIN account AS a ON a.account_id = s.account_id
JOIN bill_unit AS b ON b.account_id = a.account_id AND b.bill_unit_id = a.account_id
LEFT JOIN credential AS c ON c.account_id = s.account_id AND c.service_id = s.service_id;

-- name: fetch_services_by_account (account_ids)
-- dialect: sqlite
SELECT a.account_id, a.brand, a.name, a.currency, a.zone, b.bill_day, a.status, a.status_reason,
    a.credit_limit_micros, a.tax_status, a.email, a.created_at, a.profile,
    s.service_id, s.login, s.status, s.status_reason, s.activated_at, s.reply, s.profile,
    c.scheme, c.secret
FROM json_each(:account_ids) AS k
CROSS JOIN account AS a ON a.account_id = k.value
JOIN bill_unit AS b ON b.account_id = a.account_id AND b.bill_unit_id = a.account_id
JOIN service AS s ON s.account_id = a.account_id
LEFT JOIN credential AS c ON c.account_id = s.account_id AND c.service_id = s.service_id;

-- name: fetch_services_by_account (account_ids)
-- dialect: postgresql
SELECT a.account_id, a.brand, a.name, a.currency, a.zone, b.bill_day, a.status, a.status_reason,
    a.credit_limit_micros, a.tax_status, a.email, a.created_at, a.profile,
    s.service_id, s.login, s.status, s.status_reason, s.activated_at, s.reply, s.profile,
    c.scheme, c.secret
FROM jsonb_array_elements_text(:account_ids::jsonb) AS k (value)
JOIN account AS a ON a.account_id = k.value::bigint
JOIN bill_unit AS b ON b.account_id = a.account_id AND b.bill_unit_id = a.account_id
JOIN service AS s ON s.account_id = a.account_id
LEFT JOIN credential AS c ON c.account_id = s.account_id AND c.service_id = s.service_id;

-- name: fetch_account (account_id)
SELECT a.account_id, a.brand, a.name, a.currency, a.zone, b.bill_day, a.status, a.status_reason,
    a.credit_limit_micros, a.tax_status, a.email, a.created_at, a.profile
FROM account AS a
JOIN bill_unit AS b ON b.account_id = a.account_id AND b.bill_unit_id = a.account_id
WHERE a.account_id = :account_id;

-- name: fetch_purchases (account_ids)
-- dialect: sqlite
SELECT p.purchase_id, p.account_id, p.service_id, p.offer, p.from_at, p.to_at, p.quantity
FROM json_each(:account_ids) AS k
CROSS JOIN purchase AS p ON p.account_id = k.value
ORDER BY p.account_id, p.service_id, p.from_at, p.purchase_id;

-- name: fetch_purchases (account_ids)
-- dialect: postgresql
SELECT p.purchase_id, p.account_id, p.service_id, p.offer, p.from_at, p.to_at, p.quantity
FROM jsonb_array_elements_text(:account_ids::jsonb) AS k (value)
JOIN purchase AS p ON p.account_id = k.value::bigint
ORDER BY p.account_id, p.service_id, p.from_at, p.purchase_id;

-- The newest revision of each limit and period; those of one period (top-ups) after those of every
-- period.
-- name: fetch_own_limits (account_ids)
-- dialect: sqlite
SELECT o.account_id, o.service_id, o.limit_name, o.metric, o.soft, o.hard, o.period_start_at,
    max(o.revision)
FROM json_each(:account_ids) AS k
CROSS JOIN own_limit AS o ON o.account_id = k.value
GROUP BY o.account_id, o.service_id, o.limit_name, o.period_start_at
ORDER BY o.account_id, o.service_id, o.limit_name, o.period_start_at;

-- name: fetch_own_limits (account_ids)
-- dialect: postgresql
SELECT DISTINCT ON (o.account_id, o.service_id, o.limit_name, o.period_start_at)
    o.account_id, o.service_id, o.limit_name, o.metric, o.soft, o.hard, o.period_start_at,
    o.revision
FROM jsonb_array_elements_text(:account_ids::jsonb) AS k (value)
JOIN own_limit AS o ON o.account_id = k.value::bigint
ORDER BY o.account_id, o.service_id, o.limit_name, o.period_start_at, o.revision DESC;

-- name: fetch_balances (account_ids)
-- dialect: sqlite
SELECT b.account_id, b.resource, b.posted_micros, b.accrued_micros, b.leased_micros
FROM json_each(:account_ids) AS k
CROSS JOIN account_balance AS b ON b.account_id = k.value;

-- name: fetch_balances (account_ids)
-- dialect: postgresql
SELECT b.account_id, b.resource, b.posted_micros, b.accrued_micros, b.leased_micros
FROM jsonb_array_elements_text(:account_ids::jsonb) AS k (value)
JOIN account_balance AS b ON b.account_id = k.value::bigint;

-- name: fetch_usage_counters (periods)
-- dialect: sqlite
SELECT u.account_id, u.service_id, u.period_start_at, sum(u.seconds), sum(u.input_octets),
    sum(u.output_octets), sum(u.charge_micros)
FROM json_each(:periods) AS k
CROSS JOIN account_usage AS u ON u.account_id = k.value ->> 0 AND u.period_start_at = k.value ->> 1
GROUP BY u.account_id, u.service_id, u.period_start_at;

-- name: fetch_usage_counters (periods)
-- dialect: postgresql
SELECT u.account_id, u.service_id, u.period_start_at, sum(u.seconds), sum(u.input_octets),
    sum(u.output_octets), sum(u.charge_micros)
FROM jsonb_array_elements(:periods::jsonb) AS k (value)
JOIN account_usage AS u
    ON u.account_id = (k.value ->> 0)::bigint AND u.period_start_at = (k.value ->> 1)::bigint
GROUP BY u.account_id, u.service_id, u.period_start_at;

-- name: fetch_limit_crossings (periods)
-- dialect: sqlite
SELECT c.account_id, c.service_id, c.limit_name, c.period_start_at, c.threshold, c.revision,
    c.metric,
    c.threshold_quantity, c.used_quantity, c.crossed_at
FROM json_each(:periods) AS k
CROSS JOIN limit_crossing AS c
    ON c.account_id = k.value ->> 0 AND c.period_start_at = k.value ->> 1;

-- name: fetch_limit_crossings (periods)
-- dialect: postgresql
SELECT c.account_id, c.service_id, c.limit_name, c.period_start_at, c.threshold, c.revision,
    c.metric,
    c.threshold_quantity, c.used_quantity, c.crossed_at
FROM jsonb_array_elements(:periods::jsonb) AS k (value)
JOIN limit_crossing AS c
    ON c.account_id = (k.value ->> 0)::bigint AND c.period_start_at = (k.value ->> 1)::bigint;

-- name: fetch_changed_accounts (after, count)
SELECT counter, account_id FROM account_change WHERE counter > :after ORDER BY counter LIMIT :count;

-- name: fetch_change_counter ()
SELECT counter FROM change_counter;
