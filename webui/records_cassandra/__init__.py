"""Records in Apache Cassandra: the store, its tables, and a spool for when it is down."""
