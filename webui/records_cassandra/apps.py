"""The app of the Cassandra store, installed when CASSANDRA_HOSTS is set."""

from django.apps import AppConfig


class RecordsCassandraConfig(AppConfig):
    name = "webui.records_cassandra"
    label = "records_cassandra"
    verbose_name = "Records in Cassandra"
    default_auto_field = "django.db.models.BigAutoField"
