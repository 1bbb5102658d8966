"""Records in Apache Cassandra: tables, the store, and the spool for what it cannot take now."""
