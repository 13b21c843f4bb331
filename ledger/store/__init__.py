"""The store: one contract on SQLite and PostgreSQL. SQL stands in queries/*.sql."""
