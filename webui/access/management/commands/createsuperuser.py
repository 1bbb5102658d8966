"""`manage.py createsuperuser`, as Django's, but a weak password is refused.

Django's own command offers to keep a password that its validators refuse, and asks them nothing
without a terminal.
"""

import getpass
import os
import sys
from typing import Any

from django.contrib.auth.management import get_default_username
from django.contrib.auth.management.commands import createsuperuser
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError


class Command(createsuperuser.Command):
    help = "Creates a superuser. A password that is weak is refused."

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["interactive"]:
            password = os.environ.get("DJANGO_SUPERUSER_PASSWORD")
            if password is not None:
                name = options["username"] or os.environ.get("DJANGO_SUPERUSER_USERNAME") or ""
                email = options["email"] or ""
                if problem := password_problem(password, User(username=name, email=email)):
                    raise CommandError(problem)
            super().handle(*args, **options)
            return
        if not sys.stdin.isatty():
            raise CommandError("createsuperuser asks for a password and needs a terminal.")
        try:
            self._ask(**options)
        except KeyboardInterrupt:
            raise CommandError("\nOperation cancelled.") from None

    def _ask(
        self, *, username: str | None, email: str | None, database: str, **_options: Any
    ) -> None:
        name = self._ask_name(username, database)
        while email is None:
            email = self.get_input_data(
                User._meta.get_field("email"), "Email address (may stay blank): "
            )
        user = User(username=name, email=email)
        password = ask_password(self, user)
        User._default_manager.db_manager(database).create_superuser(name, email, password)
        self.stdout.write("Superuser created successfully.")

    def _ask_name(self, given: str | None, database: str) -> str:
        default = get_default_username(database=database)
        name = given
        while True:
            if name is None:
                hint = f" (leave blank to use '{default}')" if default else ""
                name = self.get_input_data(self.username_field, f"Username{hint}: ", default)
            if name is None:  # get_input_data has said why
                continue
            # The stubs lack this method.
            problem: str | None = self._validate_username(  # type: ignore[attr-defined]
                name, "username", database
            )
            if problem is None:
                return name
            self.stderr.write(problem)
            name = None


def password_problem(password: str, user: User) -> str:
    """Return the reasons why the validators refuse the password; "" if they accept it."""
    try:
        validate_password(password, user)
    except ValidationError as refused:
        return "The password was refused: " + " ".join(refused.messages)
    return ""


def ask_password(command: Command, user: User) -> str:
    """Return a password that was typed twice and that the validators accept."""
    while True:
        password = getpass.getpass()
        if password != getpass.getpass("Password (again): "):
            command.stderr.write("The passwords differ; type both again.")
            continue
        problem = password_problem(password, user)
        if not problem:
            return password
        command.stderr.write(problem)
