-- Lists for people at a terminal: pages by key, nothing that a customer waits for.

-- name: fetch_accounts (account_id, pattern, count)
SELECT a.account_id, a.brand, a.name, a.currency, a.zone, b.bill_day, a.status, a.status_reason,
    a.credit_limit_micros, a.tax_status, a.email, a.created_at, a.profile
FROM account AS a
JOIN bill_unit AS b ON b.account_id = a.account_id AND b.bill_unit_id = a.account_id
WHERE a.account_id > :account_id
    AND (:pattern = '' OR lower(a.name) LIKE :pattern ESCAPE '\'
        OR lower(a.email) LIKE :pattern ESCAPE '\')
ORDER BY a.account_id
LIMIT :count;

-- name: fetch_waiting_messages (created_at, account_id, outbox_key, count)
SELECT account_id, outbox_key, kind, name, data, created_at, attempts, last_error
FROM outbox
WHERE done_at IS NULL
    AND (created_at, account_id, outbox_key) > (:created_at, :account_id, :outbox_key)
ORDER BY created_at, account_id, outbox_key
LIMIT :count;

-- name: fetch_standing_suspensions (account_id)
SELECT service_id, reason, since_at
FROM suspension
WHERE account_id = :account_id
ORDER BY service_id, since_at, reason;
