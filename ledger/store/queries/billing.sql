-- Fees, bills, and what settles them.

-- name: fetch_units_to_look_at (before_at, after_look_at, after_account_id, count)
SELECT look_at, account_id, bill_unit_id FROM bill_unit
WHERE look_at < :before_at
    AND (look_at > :after_look_at OR (look_at = :after_look_at AND account_id > :after_account_id))
ORDER BY look_at, account_id LIMIT :count;

-- name: fetch_bill_unit (account_id, bill_unit_id)
SELECT u.account_id, u.bill_unit_id, a.brand, a.name, a.currency, a.zone, a.created_at, a.status,
    u.bill_day, u.due_days, u.cycles_per_bill, u.balance_forward, u.billed_until_at, u.look_at
FROM bill_unit AS u JOIN account AS a ON a.account_id = u.account_id
WHERE u.account_id = :account_id AND u.bill_unit_id = :bill_unit_id;

-- name: set_look_at (account_id, bill_unit_id, look_at)
UPDATE bill_unit SET look_at = :look_at
WHERE account_id = :account_id AND bill_unit_id = :bill_unit_id;

-- A purchase changed: what it owes is to be computed anew.
-- name: look_at_account (account_id)
UPDATE bill_unit SET look_at = 0 WHERE account_id = :account_id;

-- name: set_billed_until (account_id, bill_unit_id, billed_until_at)
UPDATE bill_unit SET billed_until_at = :billed_until_at
WHERE account_id = :account_id AND bill_unit_id = :bill_unit_id;

-- What stands in the books of an account's fees. A reversal's key is that of the fee, and more.
-- name: fetch_posted_fees (account_id)
SELECT e.event_key, e.service_id, i.amount_micros, i.from_gl, i.tax_code, i.source, i.item_kind,
    i.cycle_start_at
FROM event AS e
JOIN impact AS i ON i.account_id = e.account_id AND i.event_id = e.event_id
WHERE e.account_id = :account_id AND e.event_type IN ('fee', 'fee_reversal')
ORDER BY e.event_id;

-- name: fetch_unbilled_items (account_id, bill_unit_id, currency, before_at)
SELECT item_kind, cycle_start_at FROM item
WHERE account_id = :account_id AND bill_unit_id = :bill_unit_id AND resource = :currency
    AND cycle_start_at < :before_at AND amount_micros <> billed_micros
    AND item_kind <> 'payment';

-- By line, what is posted less what bills have taken. What is posted in a cycle was posted after
-- its begin, and ids are ordered by time: from_id spares the years before.
-- name: fetch_unbilled_amounts (account_id, bill_unit_id, currency, before_at, since_at, from_id)
-- dialect: sqlite
SELECT item_kind, cycle_start_at, source, tax_code, CAST(sum(amount) AS BIGINT)
FROM (
    SELECT i.item_kind, i.cycle_start_at, i.source, i.tax_code, i.amount_micros AS amount
    FROM event AS e
    CROSS JOIN impact AS i ON i.account_id = e.account_id AND i.event_id = e.event_id
    WHERE e.account_id = :account_id AND e.event_id >= :from_id
        AND i.bill_unit_id = :bill_unit_id AND i.resource = :currency
        AND i.cycle_start_at BETWEEN :since_at AND :before_at - 1 AND i.item_kind <> 'payment'
    UNION ALL
    SELECT l.item_kind, l.cycle_start_at, l.source, l.tax_code, -l.billed_micros
    FROM bill_line AS l
    JOIN bill AS b ON b.account_id = l.account_id AND b.bill_id = l.bill_id
    WHERE l.account_id = :account_id AND b.bill_unit_id = :bill_unit_id
        AND l.cycle_start_at BETWEEN :since_at AND :before_at - 1) AS amounts
GROUP BY item_kind, cycle_start_at, source, tax_code
HAVING sum(amount) <> 0;

-- name: fetch_unbilled_amounts (account_id, bill_unit_id, currency, before_at, since_at, from_id)
-- dialect: postgresql
SELECT item_kind, cycle_start_at, source, tax_code, CAST(sum(amount) AS BIGINT)
FROM (
    SELECT i.item_kind, i.cycle_start_at, i.source, i.tax_code, i.amount_micros AS amount
    FROM impact AS i
    WHERE i.account_id = :account_id AND i.event_id >= :from_id
        AND i.bill_unit_id = :bill_unit_id AND i.resource = :currency
        AND i.cycle_start_at BETWEEN :since_at AND :before_at - 1 AND i.item_kind <> 'payment'
    UNION ALL
    SELECT l.item_kind, l.cycle_start_at, l.source, l.tax_code, -l.billed_micros
    FROM bill_line AS l
    JOIN bill AS b ON b.account_id = l.account_id AND b.bill_id = l.bill_id
    WHERE l.account_id = :account_id AND b.bill_unit_id = :bill_unit_id
        AND l.cycle_start_at BETWEEN :since_at AND :before_at - 1) AS amounts
GROUP BY item_kind, cycle_start_at, source, tax_code
HAVING sum(amount) <> 0;

-- name: settle_items (account_id, bill_unit_id, currency, before_at)
UPDATE item SET billed_micros = amount_micros
WHERE account_id = :account_id AND bill_unit_id = :bill_unit_id AND resource = :currency
    AND cycle_start_at < :before_at AND item_kind <> 'payment' AND billed_micros <> amount_micros;

-- name: take_bill_number (legal_entity)
INSERT INTO bill_number (legal_entity, last_number) VALUES (:legal_entity, 1)
ON CONFLICT (legal_entity) DO UPDATE SET last_number = bill_number.last_number + 1;

-- name: fetch_bill_number (legal_entity)
SELECT last_number FROM bill_number WHERE legal_entity = :legal_entity;

-- name: insert_bill (account_id, bill_id, bill_unit_id, legal_entity, number, currency, cycle_start_at, cycle_end_at, finalized_at, due_on, parties, total_minor, previous_minor, due_minor, open_minor)
INSERT INTO bill (
    account_id, bill_id, bill_unit_id, legal_entity, number, currency, cycle_start_at,
    cycle_end_at, finalized_at, due_on, parties, total_minor, previous_minor, due_minor, open_minor)
VALUES (
    :account_id, :bill_id, :bill_unit_id, :legal_entity, :number, :currency, :cycle_start_at,
    :cycle_end_at, :finalized_at, :due_on, :parties, :total_minor, :previous_minor, :due_minor,
    :open_minor);

-- name: insert_bill_line (account_id, bill_id, line, item_kind, cycle_start_at, source, tax_code, amount_micros, amount_minor, billed_micros)
INSERT INTO bill_line (
    account_id, bill_id, line, item_kind, cycle_start_at, source, tax_code, amount_micros,
    amount_minor, billed_micros)
VALUES (
    :account_id, :bill_id, :line, :item_kind, :cycle_start_at, :source, :tax_code, :amount_micros,
    :amount_minor, :billed_micros);

-- name: fetch_bills (account_id, after, count)
SELECT bill_id, bill_unit_id, legal_entity, number, currency, cycle_start_at, cycle_end_at,
    finalized_at, due_on, total_minor, previous_minor, due_minor, open_minor
FROM bill WHERE account_id = :account_id AND bill_id > :after ORDER BY bill_id LIMIT :count;

-- name: fetch_bill_lines (account_id, bill_id)
SELECT line, item_kind, cycle_start_at, source, tax_code, amount_micros, amount_minor
FROM bill_line WHERE account_id = :account_id AND bill_id = :bill_id ORDER BY line;

-- name: fetch_open_bills (account_id, currency)
SELECT bill_id, due_on, number, total_minor, open_minor FROM bill
WHERE account_id = :account_id AND currency = :currency AND open_minor <> 0
ORDER BY due_on, number;

-- name: fetch_free_credits (account_id, currency)
SELECT credit_id, received_on, free_minor FROM credit
WHERE account_id = :account_id AND currency = :currency AND free_minor > 0
ORDER BY received_on, credit_id;

-- name: insert_credit (account_id, credit_id, event_id, kind, method, reference, currency, received_on, amount_minor, free_minor)
INSERT INTO credit (
    account_id, credit_id, event_id, kind, method, reference, currency, received_on, amount_minor,
    free_minor)
VALUES (
    :account_id, :credit_id, :event_id, :kind, :method, :reference, :currency, :received_on,
    :amount_minor, :free_minor);

-- name: fetch_credit (account_id, credit_id)
SELECT credit_id, event_id, kind, method, reference, currency, received_on, amount_minor,
    free_minor, reversed_at
FROM credit WHERE account_id = :account_id AND credit_id = :credit_id;

-- name: fetch_credits (account_id, after, count)
SELECT credit_id, event_id, kind, method, reference, currency, received_on, amount_minor,
    free_minor, reversed_at
FROM credit WHERE account_id = :account_id AND credit_id > :after ORDER BY credit_id LIMIT :count;

-- name: mark_credit_reversed (account_id, credit_id, at)
UPDATE credit SET reversed_at = :at, free_minor = 0
WHERE account_id = :account_id AND credit_id = :credit_id AND reversed_at IS NULL;

-- name: claim_reference (method, reference, account_id, credit_id)
INSERT INTO payment_reference (method, reference, account_id, credit_id)
VALUES (:method, :reference, :account_id, :credit_id)
ON CONFLICT (method, reference) DO NOTHING;

-- name: fetch_reference (method, reference)
SELECT account_id, credit_id FROM payment_reference
WHERE method = :method AND reference = :reference;

-- name: insert_allocation (account_id, allocation_id, credit_id, bill_id, amount_minor, allocated_at)
INSERT INTO allocation (
    account_id, allocation_id, credit_id, bill_id, amount_minor, allocated_at)
VALUES (:account_id, :allocation_id, :credit_id, :bill_id, :amount_minor, :allocated_at);

-- name: fetch_allocations (account_id, credit_id)
SELECT bill_id, amount_minor FROM allocation
WHERE account_id = :account_id AND credit_id = :credit_id ORDER BY allocation_id;

-- name: settle_bill (account_id, bill_id, amount_minor)
UPDATE bill SET open_minor = open_minor - :amount_minor
WHERE account_id = :account_id AND bill_id = :bill_id;

-- name: use_credit (account_id, credit_id, amount_minor)
UPDATE credit SET free_minor = free_minor - :amount_minor
WHERE account_id = :account_id AND credit_id = :credit_id;
