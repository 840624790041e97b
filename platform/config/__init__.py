"""The Django project. Nobody imports it but the processes that start it."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
