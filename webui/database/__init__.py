"""The default database: its options, who may read its files, and what it does when it is full."""
