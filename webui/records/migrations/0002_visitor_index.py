"""An index for the records of one visitor or API key, newest first."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("records", "0001_records")]

    operations = [
        migrations.AddIndex(
            model_name="record",
            index=models.Index(
                fields=["visitor", "-predicted_at", "-id"], name="record_by_visitor"
            ),
        ),
    ]
