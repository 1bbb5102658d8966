"""`manage.py create_api_key NAME`: creates an API key and prints it."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from webui.access.keys import create_key
from webui.access.models import ApiKey


class Command(BaseCommand):
    help = "Creates an API key and prints it; it is shown this once and stored nowhere."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="which program or person holds the key")

    def handle(self, *args: Any, **options: Any) -> None:
        name: str = options["name"].strip()
        longest = ApiKey._meta.get_field("name").max_length or 0
        if not 0 < len(name) <= longest:
            raise CommandError(f"the name must have 1 to {longest} characters")
        kept, key = create_key(name=name)
        self.stdout.write(key)  # alone on stdout, so that a script can read it
        print(f"Key for {kept.name}; revoke it under /admin/.", file=sys.stderr)
