-- Invariants of the books, a page of accounts at a time; a row is a fault.

-- name: fetch_account_page (after, count)
SELECT account_id FROM account WHERE account_id > :after ORDER BY account_id LIMIT :count;

-- name: check_balances (first, last)
WITH expected AS (
    SELECT account_id, resource, amount_micros AS posted, 0 AS accrued FROM impact
    WHERE account_id BETWEEN :first AND :last
    UNION ALL
    SELECT s.account_id, a.currency, 0, s.accrued_micros FROM session AS s
    JOIN account AS a ON a.account_id = s.account_id
    WHERE s.status = 'open' AND s.account_id BETWEEN :first AND :last
    UNION ALL
    SELECT account_id, resource, -posted_micros, -accrued_micros FROM balance
    WHERE account_id BETWEEN :first AND :last)
SELECT account_id, resource, -sum(posted), -sum(accrued) FROM expected
GROUP BY account_id, resource
HAVING sum(posted) <> 0 OR sum(accrued) <> 0;

-- name: check_items (first, last)
WITH expected AS (
    SELECT account_id, bill_unit_id, item_kind, cycle_start_at, resource, amount_micros FROM impact
    WHERE account_id BETWEEN :first AND :last
    UNION ALL
    SELECT account_id, bill_unit_id, item_kind, cycle_start_at, resource, -amount_micros FROM item
    WHERE account_id BETWEEN :first AND :last)
SELECT account_id, item_kind, cycle_start_at, resource, -sum(amount_micros) FROM expected
GROUP BY account_id, bill_unit_id, item_kind, cycle_start_at, resource
HAVING sum(amount_micros) <> 0;

-- name: check_usage_counters (first, last)
WITH expected AS (
    SELECT e.account_id, e.service_id, e.period_start_at, e.seconds, e.input_octets,
    e.output_octets,
        coalesce((SELECT sum(i.amount_micros) FROM impact AS i
            WHERE i.account_id = e.account_id AND i.event_id = e.event_id), 0) AS charge
    FROM event AS e
    WHERE e.event_type = 'usage' AND e.account_id BETWEEN :first AND :last
    UNION ALL
    SELECT account_id, service_id, period_start_at, open_seconds, open_input_octets,
        open_output_octets, accrued_micros
    FROM session WHERE status = 'open' AND account_id BETWEEN :first AND :last
    UNION ALL
    SELECT account_id, service_id, period_start_at, -seconds, -input_octets, -output_octets,
        -charge_micros
    FROM usage_counter WHERE account_id BETWEEN :first AND :last)
SELECT account_id, service_id, period_start_at, -sum(seconds), -sum(input_octets),
    -sum(output_octets), -sum(charge)
FROM expected
GROUP BY account_id, service_id, period_start_at
HAVING sum(seconds) <> 0 OR sum(input_octets) <> 0 OR sum(output_octets) <> 0 OR sum(charge) <> 0;

-- name: check_ended_sessions (first, last)
SELECT account_id, session_id FROM session
WHERE account_id BETWEEN :first AND :last AND status = 'closed'
    AND (accrued_micros <> 0 OR open_seconds <> 0 OR open_input_octets <> 0
        OR open_output_octets <> 0);

-- name: check_pieces (first, last)
WITH both_sides AS (
    SELECT account_id, session_id, pieces AS made, 0 AS posted FROM session
    WHERE account_id BETWEEN :first AND :last
    UNION ALL
    SELECT account_id, session_id, 0, 1 FROM event
    WHERE event_type = 'usage' AND account_id BETWEEN :first AND :last)
SELECT account_id, session_id, sum(made), sum(posted) FROM both_sides
GROUP BY account_id, session_id
HAVING sum(made) <> sum(posted);

-- name: check_impact_events (first, last)
SELECT i.account_id, i.event_id FROM impact AS i
LEFT JOIN event AS e ON e.account_id = i.account_id AND e.event_id = i.event_id
WHERE i.account_id BETWEEN :first AND :last AND (e.event_id IS NULL OR i.from_gl = i.to_gl);

-- Keys of what is no piece of usage stand apart here (see the table of the first migration).
-- name: check_event_keys (first, last)
-- dialect: postgresql
SELECT coalesce(e.account_id, k.account_id), coalesce(e.event_id, k.event_id)
FROM (SELECT account_id, event_id, event_key FROM event
    WHERE event_type <> 'usage' AND account_id BETWEEN :first AND :last) AS e
FULL JOIN (SELECT account_id, event_id, event_key FROM event_key
    WHERE account_id BETWEEN :first AND :last) AS k
    ON k.account_id = e.account_id AND k.event_id = e.event_id AND k.event_key = e.event_key
WHERE e.event_id IS NULL OR k.event_id IS NULL;

-- name: check_crossings (first, last)
SELECT c.account_id, c.limit_name, c.threshold FROM limit_crossing AS c
LEFT JOIN service AS s ON s.account_id = c.account_id AND s.service_id = c.service_id
WHERE c.account_id BETWEEN :first AND :last
    AND (c.used_quantity < c.threshold_quantity OR (c.service_id <> 0 AND s.service_id IS NULL));

-- name: check_logins (first, last)
SELECT s.account_id, s.service_id FROM service AS s
LEFT JOIN login AS l ON l.brand = s.brand AND l.login = s.login
    AND l.account_id = s.account_id AND l.service_id = s.service_id
WHERE s.account_id BETWEEN :first AND :last AND l.login IS NULL;

-- name: check_owners (first, last)
SELECT o.account_id FROM (
    SELECT account_id FROM balance WHERE account_id BETWEEN :first AND :last
    UNION SELECT account_id FROM session WHERE account_id BETWEEN :first AND :last
    UNION SELECT account_id FROM event WHERE account_id BETWEEN :first AND :last
    UNION SELECT account_id FROM impact WHERE account_id BETWEEN :first AND :last
    UNION SELECT account_id FROM item WHERE account_id BETWEEN :first AND :last
    UNION SELECT account_id FROM usage_counter WHERE account_id BETWEEN :first AND :last
    UNION SELECT account_id FROM limit_crossing WHERE account_id BETWEEN :first AND :last
    UNION SELECT account_id FROM outbox WHERE account_id BETWEEN :first AND :last) AS o
LEFT JOIN account AS a ON a.account_id = o.account_id
WHERE a.account_id IS NULL;

-- name: check_journal_positions ()
SELECT j.journal_number, j.applied_lsn, j.watermark_at FROM journal_position AS j
WHERE j.applied_lsn < 0 OR j.watermark_at < 0
UNION ALL
SELECT DISTINCT s.journal_number, -1, -1 FROM session AS s
WHERE s.journal_number NOT IN (SELECT journal_number FROM journal_position)
UNION ALL
SELECT DISTINCT s.journal_number, -1, -1 FROM suspense AS s
WHERE s.journal_number NOT IN (SELECT journal_number FROM journal_position);

-- name: check_lost_logins ()
SELECT l.brand, l.login FROM login AS l
LEFT JOIN service AS s ON s.account_id = l.account_id AND s.service_id = l.service_id
WHERE s.service_id IS NULL;

-- name: check_change_counter ()
SELECT c.account_id, c.counter FROM account_change AS c
WHERE c.counter > (SELECT counter FROM change_counter);
