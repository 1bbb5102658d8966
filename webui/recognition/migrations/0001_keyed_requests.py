"""The table of requests with an Idempotency-Key."""

from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="KeyedRequest",
            fields=[
                ("digest", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("body_digest", models.CharField(max_length=64)),
                ("created_at", models.DateTimeField(db_index=True)),
                ("busy_until", models.DateTimeField()),
                ("record_ids", models.JSONField()),
                ("outcomes", models.JSONField(null=True)),
            ],
            options={"db_table": "keyed_requests"},
        ),
    ]
