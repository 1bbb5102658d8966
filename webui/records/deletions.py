"""Signals of deleted records, for what other apps keep about a record.

Other apps reference a record by its id, never by a foreign key: records may be in Cassandra. A
receiver deletes its rows of the default database. What it raises stops the deletion.
"""

from django.dispatch import Signal

# Sent by every store's `delete`, with `record_ids`, a sequence of ids. The database store sends it
# within its transaction, so all is deleted or nothing. The Cassandra store sends it before it
# deletes: an error leaves a record without its decisions rather than decisions without a record.
records_deleted = Signal()

# Sent by `webui.records.pruning`, with `before`: records predicted before this instant have
# expired in whichever store they are, Cassandra's by their time to live.
records_expired = Signal()
