-- What turns a PostgreSQL store into a distributed one, a statement a table. Filled in by
-- ledger/store/distribute.py. Needs the citus extension; the functions are its own.

-- name: sequential
SET citus.multi_shard_modify_mode TO 'sequential';

-- name: reference
SELECT create_reference_table('{table}');

-- name: first_distributed
SELECT create_distributed_table('{table}', '{column}', colocate_with => 'none');

-- name: distributed
SELECT create_distributed_table('{table}', '{column}', colocate_with => '{first}');

-- name: leave_local_rows
SELECT truncate_local_data_after_distributing_table('{table}');

-- name: fetch_extension
SELECT extversion FROM pg_extension WHERE extname = 'citus';

-- name: fetch_distributed
SELECT logicalrelid::text FROM pg_dist_partition;
