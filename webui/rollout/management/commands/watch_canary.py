"""`python manage.py watch_canary`: compares how often canary and stable version are corrected."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from serving.versions.manager import VersionChangeError
from webui.leases import LeaseLost
from webui.records.store import StoreUnavailable
from webui.rollout import canary_watch, services


class Command(BaseCommand):
    help = (
        "Counts corrections of the canary and of the stable version by a sequential test, which "
        "may be looked at at any time, and says what is known. With CANARY_ROLLBACK=on, or "
        "--withdraw, a canary that is found worse is withdrawn."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--withdraw", action="store_true", help="withdraw the canary if it is found worse"
        )

    def handle(self, *_: Any, withdraw: bool, **__: Any) -> None:
        try:
            found = canary_watch.look(withdraw=withdraw or settings.CANARY_ROLLBACK)
        except (VersionChangeError, services.Busy, LeaseLost, StoreUnavailable) as problem:
            raise CommandError(f"{problem}; run this again afterwards") from problem
        if found is None:
            self.stdout.write("There is no canary, or another process is looking at it.")
            return
        self.stdout.write(f"{str(found)[0].upper()}{str(found)[1:]}.")
        if found.withdrawn:
            self.stdout.write("The canary was worse and is withdrawn.")
        elif found.is_worse:
            self.stdout.write("The canary is worse. --withdraw ends it.")
        else:
            self.stdout.write("It is not known to be worse.")
