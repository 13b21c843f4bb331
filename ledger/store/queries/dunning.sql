-- Who does not pay, and what was promised and sent.

-- Accounts with something overdue, and those that left nothing open in collections.
-- name: fetch_accounts_to_dun (today, after, count)
SELECT account_id FROM (
    SELECT account_id FROM bill WHERE open_minor > 0 AND due_on < :today AND account_id > :after
    UNION
    SELECT account_id FROM account WHERE status = 'collections' AND account_id > :after) AS owing
ORDER BY account_id LIMIT :count;

-- name: fetch_overdue (account_id, today)
SELECT coalesce(min(due_on), ''), CAST(coalesce(sum(open_minor), 0) AS BIGINT) FROM bill
WHERE account_id = :account_id AND open_minor > 0 AND due_on < :today;

-- name: fetch_promise (account_id)
SELECT promised_on FROM promise WHERE account_id = :account_id;

-- name: set_promise (account_id, promised_on, at)
INSERT INTO promise (account_id, promised_on, made_at) VALUES (:account_id, :promised_on, :at)
ON CONFLICT (account_id) DO UPDATE SET
    promised_on = excluded.promised_on, made_at = excluded.made_at;

-- name: end_promise (account_id)
DELETE FROM promise WHERE account_id = :account_id;

-- name: fetch_reminders (account_id, overdue_since)
SELECT step, min(sent_on), max(sent_on) FROM reminder
WHERE account_id = :account_id AND overdue_since = :overdue_since GROUP BY step;

-- name: insert_reminder (account_id, overdue_since, step, sent_on)
INSERT INTO reminder (account_id, overdue_since, step, sent_on)
VALUES (:account_id, :overdue_since, :step, :sent_on)
ON CONFLICT DO NOTHING;

-- name: fetch_last_event_at (account_id, event_type)
SELECT max(service_at) FROM event WHERE account_id = :account_id AND event_type = :event_type;
