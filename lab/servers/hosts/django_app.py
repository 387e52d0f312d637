"""For Django's own server: ``lab.servers.hosts.django_app runserver``."""

from __future__ import annotations

import sys

from django.conf import settings
from django.core.management import execute_from_command_line
from django.http import HttpRequest, HttpResponse
from django.urls import path

from lab.servers.hosts import wiring


def visit(request: HttpRequest) -> HttpResponse:
    """Serve one request."""
    return HttpResponse(wiring.visit(request.headers["x-request-id"]))


urlpatterns = [path("visit", visit)]

if __name__ == "__main__":
    settings.configure(
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF="lab.servers.hosts.django_app",
        # Or else it keeps the tracebacks for mail to administrators.
        LOGGING={
            "version": 1,
            "handlers": {"console": {"class": "logging.StreamHandler"}},
            "loggers": {"django.request": {"handlers": ["console"]}},
        },
    )
    execute_from_command_line(sys.argv)
