"""The Django project. Nobody imports it but the processes that start it."""
