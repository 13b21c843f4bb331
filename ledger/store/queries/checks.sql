-- Invariants of the books, each over all accounts at once; a row is a fault. :count bounds how many
-- are told.

-- name: check_balances (count)
WITH expected AS (
    SELECT account_id, resource, amount_micros AS posted FROM impact
    UNION ALL
    SELECT account_id, resource, -posted_micros FROM balance)
SELECT account_id, resource, -sum(posted) FROM expected
GROUP BY account_id, resource
HAVING sum(posted) <> 0
LIMIT :count;

-- name: check_items (count)
WITH expected AS (
    SELECT account_id, bill_unit_id, item_kind, cycle_start_at, resource, amount_micros FROM impact
    UNION ALL
    SELECT account_id, bill_unit_id, item_kind, cycle_start_at, resource, -amount_micros FROM item)
SELECT account_id, item_kind, cycle_start_at, resource, -sum(amount_micros) FROM expected
GROUP BY account_id, bill_unit_id, item_kind, cycle_start_at, resource
HAVING sum(amount_micros) <> 0
LIMIT :count;

-- name: check_usage_counters (count)
WITH expected AS (
    SELECT account_id, service_id, period_start_at, seconds, input_octets, output_octets,
        0 AS charge
    FROM event WHERE event_type = 'usage'
    UNION ALL
    SELECT e.account_id, e.service_id, e.period_start_at, 0, 0, 0, i.amount_micros
    FROM event AS e
    JOIN impact AS i ON i.account_id = e.account_id AND i.event_id = e.event_id
    WHERE e.event_type = 'usage'
    UNION ALL
    SELECT account_id, service_id, period_start_at, -seconds, -input_octets, -output_octets,
        -charge_micros
    FROM usage_counter)
SELECT account_id, service_id, period_start_at, -sum(seconds), -sum(input_octets),
    -sum(output_octets), -sum(charge)
FROM expected
GROUP BY account_id, service_id, period_start_at
HAVING sum(seconds) <> 0 OR sum(input_octets) <> 0 OR sum(output_octets) <> 0 OR sum(charge) <> 0
LIMIT :count;

-- name: check_ended_sessions (count)
SELECT account_id, session_id FROM session
WHERE status = 'closed' AND (accrued_micros <> 0 OR open_seconds <> 0 OR open_input_octets <> 0
    OR open_output_octets <> 0)
LIMIT :count;

-- name: check_pieces (count)
WITH expected AS (
    SELECT account_id, session_id, pieces, 0 AS posted FROM session WHERE pieces <> 0
    UNION ALL
    SELECT account_id, session_id, 0, 1 FROM event WHERE event_type = 'usage')
SELECT account_id, session_id, sum(pieces), sum(posted) FROM expected
GROUP BY account_id, session_id
HAVING sum(pieces) <> sum(posted)
LIMIT :count;

-- name: check_impact_events (count)
SELECT i.account_id, i.event_id FROM impact AS i
LEFT JOIN event AS e ON e.account_id = i.account_id AND e.event_id = i.event_id
WHERE e.event_id IS NULL OR i.from_gl = i.to_gl
LIMIT :count;

-- Keys of what is no piece of usage stand apart here (see the table of the first migration).
-- name: check_event_keys (count)
-- dialect: postgresql
SELECT coalesce(e.account_id, k.account_id), coalesce(e.event_id, k.event_id)
FROM (SELECT account_id, event_id, event_key FROM event WHERE event_type <> 'usage') AS e
FULL JOIN event_key AS k
    ON k.account_id = e.account_id AND k.event_id = e.event_id AND k.event_key = e.event_key
WHERE e.event_id IS NULL OR k.event_id IS NULL
LIMIT :count;

-- name: check_crossings (count)
SELECT c.account_id, c.limit_name, c.threshold FROM limit_crossing AS c
LEFT JOIN service AS s ON s.account_id = c.account_id AND s.service_id = c.service_id
WHERE c.used_quantity < c.threshold_quantity OR (c.service_id <> 0 AND s.service_id IS NULL)
LIMIT :count;

-- name: check_logins (count)
SELECT s.account_id, s.service_id FROM service AS s
LEFT JOIN login AS l ON l.brand = s.brand AND l.login = s.login
    AND l.account_id = s.account_id AND l.service_id = s.service_id
WHERE l.login IS NULL
LIMIT :count;

-- name: check_owners (count)
SELECT o.account_id FROM (
    SELECT account_id FROM balance
    UNION SELECT account_id FROM session
    UNION SELECT account_id FROM event
    UNION SELECT account_id FROM impact
    UNION SELECT account_id FROM item
    UNION SELECT account_id FROM usage_counter
    UNION SELECT account_id FROM limit_crossing
    UNION SELECT account_id FROM outbox) AS o
LEFT JOIN account AS a ON a.account_id = o.account_id
WHERE a.account_id IS NULL
LIMIT :count;

-- name: check_journal_positions (count)
SELECT j.journal_number, j.applied_lsn, j.watermark_at FROM journal_position AS j
WHERE j.applied_lsn < 0 OR j.watermark_at < 0
UNION ALL
SELECT DISTINCT s.journal_number, -1, -1 FROM session AS s
WHERE s.journal_number NOT IN (SELECT journal_number FROM journal_position)
UNION ALL
SELECT DISTINCT s.journal_number, -1, -1 FROM suspense AS s
WHERE s.journal_number NOT IN (SELECT journal_number FROM journal_position)
LIMIT :count;

-- name: check_lost_logins (count)
SELECT l.brand, l.login FROM login AS l
LEFT JOIN service AS s ON s.account_id = l.account_id AND s.service_id = l.service_id
WHERE s.service_id IS NULL
LIMIT :count;

-- name: check_change_counter (count)
SELECT c.account_id, c.counter FROM account_change AS c
WHERE c.counter > (SELECT counter FROM change_counter)
LIMIT :count;
