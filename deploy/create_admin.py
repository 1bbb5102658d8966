"""`make admin`: ask for a name and a password, and create a superuser.

Without a terminal, both are read from Django's variables `DJANGO_SUPERUSER_USERNAME` and
`DJANGO_SUPERUSER_PASSWORD`.
"""

import os
import sys

from deploy.run_site import ROOT, development_key
from webui.environment import Environment


def main() -> int:
    environment = Environment.of_process(ROOT / ".env")
    if not environment.secret("SECRET_KEY"):
        os.environ["SECRET_KEY"] = development_key()
    os.environ["DJANGO_SETTINGS_MODULE"] = "webui.settings"
    os.environ.setdefault("DJANGO_SUPERUSER_EMAIL", "")  # optional here: nothing sends mail

    import django
    from django.core.management import CommandError, call_command

    django.setup()
    answered = environment.text("DJANGO_SUPERUSER_USERNAME") and environment.text(
        "DJANGO_SUPERUSER_PASSWORD"
    )
    if not answered and not sys.stdin.isatty():
        print(
            "make admin asks for a name and a password and needs a terminal; without one, set "
            "DJANGO_SUPERUSER_USERNAME and DJANGO_SUPERUSER_PASSWORD",
            file=sys.stderr,
        )
        return 1
    call_command("migrate", verbosity=0, interactive=False)
    try:
        call_command("createsuperuser", interactive=not answered, email="")
    except CommandError as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
