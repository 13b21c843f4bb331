-- Migrations, the store's own identity and the floor of its ids.

-- name: find_table (name)
-- dialect: sqlite
SELECT name FROM sqlite_master WHERE type = 'table' AND name = :name;

-- name: find_table (name)
-- dialect: postgresql
SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND tablename = :name;

-- name: fetch_migrations ()
SELECT number, sha256 FROM schema_migration ORDER BY number;

-- The database's clock dates the schema; business instants are always parameters.
-- name: insert_migration (number, name, sha256)
-- dialect: sqlite
INSERT INTO schema_migration (number, name, sha256, applied_at)
VALUES (:number, :name, :sha256, CAST(strftime('%s', 'now') AS INTEGER));

-- name: insert_migration (number, name, sha256)
-- dialect: postgresql
INSERT INTO schema_migration (number, name, sha256, applied_at)
VALUES (:number, :name, :sha256, extract(epoch FROM now())::bigint);

-- name: insert_store (store_id)
-- dialect: sqlite
INSERT INTO store (store_id, created_at) VALUES (:store_id, CAST(strftime('%s', 'now') AS INTEGER));

-- name: insert_store (store_id)
-- dialect: postgresql
INSERT INTO store (store_id, created_at) VALUES (:store_id, extract(epoch FROM now())::bigint);

-- name: fetch_store_id ()
SELECT store_id FROM store;

-- name: fetch_id_floor (node)
-- dialect: sqlite
SELECT last_id FROM id_floor WHERE node = :node;

-- Transactions of one node take turns, should it run twice by mistake.
-- name: fetch_id_floor (node)
-- dialect: postgresql
SELECT last_id FROM id_floor WHERE node = :node FOR UPDATE;

-- name: raise_id_floor (node, last_id)
INSERT INTO id_floor (node, last_id) VALUES (:node, :last_id)
ON CONFLICT (node) DO UPDATE SET last_id = excluded.last_id
WHERE excluded.last_id > id_floor.last_id;

-- Nobody else writes from here to the end of the transaction: what BEGIN IMMEDIATE is on SQLite.
-- name: lock_alone ()
-- dialect: postgresql
SELECT pg_advisory_xact_lock(hashtext('aaad_writers'), hashtext(current_schema()));

-- Others that post may write too; whoever wants to be alone waits.
-- name: lock_shared ()
-- dialect: postgresql
SELECT pg_advisory_xact_lock_shared(hashtext('aaad_writers'), hashtext(current_schema()));

-- name: make_partitions (at, ahead)
-- dialect: postgresql
SELECT make_partitions(:at, :ahead::integer);

-- name: fetch_durability ()
-- dialect: postgresql
SELECT current_setting('fsync'), current_setting('full_page_writes'),
    current_setting('synchronous_commit');

-- name: insert_id_floor (node)
-- dialect: postgresql
INSERT INTO id_floor (node, last_id) VALUES (:node, 0) ON CONFLICT (node) DO NOTHING;

-- Every column of every table, tables in the order of their making: whoever is referred to comes
-- first. The last column is its place in the primary key, from 1; 0: not in it.
-- name: fetch_columns ()
-- dialect: sqlite
SELECT t.name, c.name, c.pk FROM sqlite_master AS t JOIN pragma_table_info(t.name) AS c
WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite!_%' ESCAPE '!'
ORDER BY t.rowid, c.cid;

-- name: fetch_columns ()
-- dialect: postgresql
SELECT t.relname::text, c.attname::text, coalesce(k.place, 0)
FROM pg_class AS t
JOIN pg_attribute AS c ON c.attrelid = t.oid AND c.attnum > 0 AND NOT c.attisdropped
LEFT JOIN pg_index AS i ON i.indrelid = t.oid AND i.indisprimary
LEFT JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k (number, place)
    ON k.number = c.attnum
WHERE t.relkind IN ('r', 'p') AND NOT t.relispartition
    AND t.relnamespace = current_schema()::regnamespace
ORDER BY t.oid, c.attnum;

-- name: fetch_id_floors ()
SELECT node, last_id FROM id_floor ORDER BY node;

-- Held as long as the connection lives, by everybody who may write: who moves the books waits for
-- nobody and starts only where nobody is.
-- name: hold_shared ()
-- dialect: postgresql
SELECT pg_try_advisory_lock_shared(hashtext('aaad_users'), hashtext(current_schema()));

-- A daemon's own journal number, as long as its connection lives.
-- name: hold_journal (node)
-- dialect: postgresql
SELECT pg_advisory_lock(hashtext('aaad_journals'), hashtext(current_schema() || '/' || :node));

-- name: hold_alone ()
-- dialect: postgresql
SELECT pg_try_advisory_lock(hashtext('aaad_users'), hashtext(current_schema()));

-- The ids of the keys that sealed credentials need: octets 2 to 5 of each (ledger/seal.py).
-- name: fetch_sealing_keys ()
SELECT DISTINCT substr(secret, 2, 4) AS key_id FROM credential WHERE scheme = 'sealed'
ORDER BY key_id;
