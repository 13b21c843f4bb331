-- Migrations, the store's own identity and the floor of its ids.

-- name: find_table (name)
-- dialect: sqlite
SELECT name FROM sqlite_master WHERE type = 'table' AND name = :name;

-- name: fetch_migrations ()
SELECT number, sha256 FROM schema_migration ORDER BY number;

-- The database's clock dates the schema; business instants are always parameters.
-- name: insert_migration (number, name, sha256)
-- dialect: sqlite
INSERT INTO schema_migration (number, name, sha256, applied_at)
VALUES (:number, :name, :sha256, CAST(strftime('%s', 'now') AS INTEGER));

-- name: insert_store (store_id)
-- dialect: sqlite
INSERT INTO store (store_id, created_at) VALUES (:store_id, CAST(strftime('%s', 'now') AS INTEGER));

-- name: fetch_store_id ()
SELECT store_id FROM store;

-- name: fetch_id_floor (node)
SELECT last_id FROM id_floor WHERE node = :node;

-- name: raise_id_floor (node, last_id)
INSERT INTO id_floor (node, last_id) VALUES (:node, :last_id)
ON CONFLICT (node) DO UPDATE SET last_id = excluded.last_id
WHERE excluded.last_id > id_floor.last_id;
