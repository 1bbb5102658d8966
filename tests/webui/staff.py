"""Staff users of the admin."""

from django.contrib.auth.models import Permission, User
from django.test import Client


def staff_client(name: str, *permissions: str) -> Client:
    """Return the client of a new staff user with these permissions, like "view_record"."""
    user = User.objects.create_user(name, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client
