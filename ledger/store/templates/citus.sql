-- What turns a PostgreSQL store into a distributed one, a statement a table. Filled in by
-- ledger/store/distribute.py. The functions are those of the citus extension.

-- name: fetch_extension
SELECT extversion FROM pg_extension WHERE extname = 'citus';

-- name: fetch_done
SELECT logicalrelid::text FROM pg_dist_partition WHERE partmethod = 'h' OR repmodel = 't';

-- name: make_reference
SELECT create_reference_table('{table}');

-- name: distribute_first
SELECT create_distributed_table('{table}', '{column}', colocate_with => 'none');

-- name: distribute
SELECT create_distributed_table('{table}', '{column}', colocate_with => '{first}');

-- name: drop_local_rows
SELECT truncate_local_data_after_distributing_table('{table}');
