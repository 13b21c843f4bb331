-- Claims by lease.

-- name: claim_outbox (kind, owner, at, lease_until_at, count)
-- dialect: sqlite
UPDATE outbox SET lease_owner = :owner, lease_until_at = :lease_until_at, attempts = attempts + 1
WHERE rowid IN (
    SELECT rowid FROM outbox
    WHERE kind = :kind AND done_at IS NULL AND lease_until_at <= :at
    ORDER BY created_at LIMIT :count)
RETURNING account_id, outbox_key, name, data, created_at, attempts;

-- name: claim_outbox (kind, owner, at, lease_until_at, count)
-- dialect: postgresql
UPDATE outbox SET lease_owner = :owner, lease_until_at = :lease_until_at, attempts = attempts + 1
WHERE (account_id, outbox_key) IN (
    SELECT account_id, outbox_key FROM outbox
    WHERE kind = :kind AND done_at IS NULL AND lease_until_at <= :at
    ORDER BY created_at LIMIT :count FOR UPDATE)
RETURNING account_id, outbox_key, name, data, created_at, attempts;

-- name: finish_outbox (account_id, outbox_key, owner, at)
UPDATE outbox SET done_at = :at, lease_owner = NULL, last_error = ''
WHERE account_id = :account_id AND outbox_key = :outbox_key AND lease_owner = :owner
    AND done_at IS NULL;

-- name: return_outbox (account_id, outbox_key, owner, retry_at, error)
UPDATE outbox SET lease_owner = NULL, lease_until_at = :retry_at, last_error = :error
WHERE account_id = :account_id AND outbox_key = :outbox_key AND lease_owner = :owner
    AND done_at IS NULL;
