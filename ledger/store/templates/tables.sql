-- What moving the books does to any table: {table}, its {columns}, its primary key. Filled in by
-- ledger/store/tables.py from the database's own catalogue.

-- name: fetch_first_rows
SELECT {columns} FROM {table} ORDER BY {key} LIMIT {count};

-- name: fetch_more_rows
SELECT {columns} FROM {table} WHERE ({key}) > ({after}) ORDER BY {key} LIMIT {count};

-- name: fetch_last_key
SELECT {key} FROM {table} ORDER BY {key_descending} LIMIT 1;

-- name: count_rows
SELECT count(*) FROM {table};

-- name: insert_rows
INSERT INTO {table} ({columns}) VALUES ({values});

-- name: empty
DELETE FROM {table};
