"""The wall's templates and static files."""

from django.apps import AppConfig


class WallConfig(AppConfig):
    name = "webui.wall"
    label = "wall"
