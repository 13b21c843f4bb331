-- Changes of customers.

-- name: insert_account (account_id, brand, name, currency, zone, status, status_reason, credit_limit_micros, tax_status, email, created_at, profile)
INSERT INTO account (
    account_id, brand, name, currency, zone, status, status_reason, credit_limit_micros,
    tax_status, email,
    created_at, profile)
VALUES (
    :account_id, :brand, :name, :currency, :zone, :status, :status_reason, :credit_limit_micros,
    :tax_status, :email, :created_at, :profile);

-- name: insert_bill_unit (account_id, bill_unit_id, bill_day, due_days)
INSERT INTO bill_unit (account_id, bill_unit_id, bill_day, due_days)
VALUES (:account_id, :bill_unit_id, :bill_day, :due_days);

-- name: update_account (account_id, name, zone, credit_limit_micros, tax_status, email, profile)
UPDATE account SET name = :name, zone = :zone, credit_limit_micros = :credit_limit_micros,
    tax_status = :tax_status, email = :email, profile = :profile
WHERE account_id = :account_id;

-- name: update_account_status (account_id, status, status_reason)
UPDATE account SET status = :status, status_reason = :status_reason WHERE account_id = :account_id;

-- name: find_login (brand, login)
SELECT account_id, service_id FROM login WHERE brand = :brand AND login = :login;

-- name: insert_login (brand, login, account_id, service_id)
INSERT INTO login (brand, login, account_id, service_id)
VALUES (:brand, :login, :account_id, :service_id);

-- name: rename_login (brand, login, new_login)
UPDATE login SET login = :new_login WHERE brand = :brand AND login = :login;

-- name: insert_service (account_id, service_id, brand, login, status, status_reason, activated_at, reply, profile)
INSERT INTO service (
    account_id, service_id, brand, login, status, status_reason, activated_at, reply, profile)
VALUES (
    :account_id, :service_id, :brand, :login, :status, :status_reason, :activated_at, :reply,
    :profile);

-- name: update_service (account_id, service_id, login, activated_at, reply, profile)
UPDATE service SET login = :login, activated_at = :activated_at, reply = :reply, profile = :profile
WHERE account_id = :account_id AND service_id = :service_id;

-- name: update_service_status (account_id, service_id, status, status_reason)
UPDATE service SET status = :status, status_reason = :status_reason
WHERE account_id = :account_id AND service_id = :service_id;

-- name: close_services (account_id)
UPDATE service SET status = 'closed', status_reason = '' WHERE account_id = :account_id;

-- name: set_credential (account_id, service_id, scheme, secret, changed_at)
INSERT INTO credential (account_id, service_id, scheme, secret, changed_at)
VALUES (:account_id, :service_id, :scheme, :secret, :changed_at)
ON CONFLICT (account_id, service_id) DO UPDATE SET
    scheme = excluded.scheme, secret = excluded.secret, changed_at = excluded.changed_at;

-- name: insert_purchase (account_id, purchase_id, service_id, offer, from_at, quantity)
INSERT INTO purchase (account_id, purchase_id, service_id, offer, from_at, quantity)
VALUES (:account_id, :purchase_id, :service_id, :offer, :from_at, :quantity);

-- A purchase that begins later never begins.
-- name: end_purchases (account_id, service_id, at)
-- dialect: sqlite
UPDATE purchase SET to_at = max(from_at, :at)
WHERE account_id = :account_id AND service_id = :service_id AND (to_at IS NULL OR to_at > :at)
    AND NOT (to_at IS NOT NULL AND to_at = from_at);

-- name: end_purchases (account_id, service_id, at)
-- dialect: postgresql
UPDATE purchase SET to_at = greatest(from_at, :at)
WHERE account_id = :account_id AND service_id = :service_id AND (to_at IS NULL OR to_at > :at)
    AND NOT (to_at IS NOT NULL AND to_at = from_at);

-- name: insert_own_limit (account_id, service_id, limit_name, period_start_at, revision, metric, soft, hard, set_at)
INSERT INTO own_limit (
    account_id, service_id, limit_name, period_start_at, revision, metric, soft, hard, set_at)
VALUES (
    :account_id, :service_id, :limit_name, :period_start_at, :revision, :metric, :soft, :hard,
    :set_at);

-- name: fetch_last_revision (account_id, service_id, limit_name)
SELECT max(revision) FROM own_limit
WHERE account_id = :account_id AND service_id = :service_id AND limit_name = :limit_name;

-- name: fetch_period_usage (account_id, service_id, period_start_at)
SELECT coalesce(sum(seconds), 0), coalesce(sum(input_octets), 0), coalesce(sum(output_octets), 0),
    coalesce(sum(charge_micros), 0)
FROM account_usage
WHERE account_id = :account_id AND (:service_id = 0 OR service_id = :service_id)
    AND period_start_at = :period_start_at;

-- name: find_top_up_since (account_id, service_id, since_at)
SELECT 1 FROM own_limit
WHERE account_id = :account_id AND (:service_id = 0 OR service_id IN (0, :service_id))
    AND period_start_at > 0 AND set_at >= :since_at
LIMIT 1;

-- name: find_usage_since (account_id, since_at)
SELECT 1 FROM session WHERE account_id = :account_id AND status = 'open'
UNION ALL
SELECT 1 FROM usage_counter WHERE account_id = :account_id AND period_start_at >= :since_at
LIMIT 1;

-- name: insert_balance (account_id, resource)
INSERT INTO balance (account_id, resource, posted_micros, leased_micros)
VALUES (:account_id, :resource, 0, 0);

-- name: fetch_suspensions (account_id, service_id)
SELECT reason, since_at FROM suspension WHERE account_id = :account_id AND service_id = :service_id;

-- name: insert_suspension (account_id, service_id, reason, since_at)
INSERT INTO suspension (account_id, service_id, reason, since_at)
VALUES (:account_id, :service_id, :reason, :since_at)
ON CONFLICT (account_id, service_id, reason) DO NOTHING;

-- name: lift_suspension (account_id, service_id, reason)
DELETE FROM suspension
WHERE account_id = :account_id AND service_id = :service_id AND reason = :reason;

-- name: bump_change_counter ()
-- dialect: sqlite
UPDATE change_counter SET counter = counter + 1;

-- Whoever listens hears of it when it is committed.
-- name: bump_change_counter ()
-- dialect: postgresql
WITH bumped AS (UPDATE change_counter SET counter = counter + 1 RETURNING counter)
SELECT pg_notify('aaad_changes', counter::text) FROM bumped;

-- name: mark_account_changed (account_id)
INSERT INTO account_change (account_id, counter)
SELECT :account_id, counter FROM change_counter WHERE one = 1
ON CONFLICT (account_id) DO UPDATE SET counter = excluded.counter;

-- name: end_account_purchases (account_id, at)
-- dialect: sqlite
UPDATE purchase SET to_at = max(from_at, :at)
WHERE account_id = :account_id AND (to_at IS NULL OR to_at > :at)
    AND NOT (to_at IS NOT NULL AND to_at = from_at);

-- name: end_account_purchases (account_id, at)
-- dialect: postgresql
UPDATE purchase SET to_at = greatest(from_at, :at)
WHERE account_id = :account_id AND (to_at IS NULL OR to_at > :at)
    AND NOT (to_at IS NOT NULL AND to_at = from_at);
