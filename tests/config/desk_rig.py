"""How a person works on the operators' desk."""

import re
from typing import Any

from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from apps.users.models import User

PASSWORD = "correct horse battery"


def client_of(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def told(answer: Any) -> str:
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))


def secret_in(text: str) -> str:
    """Return what a message shows once: it may end in any letters, the word before it included."""
    found = re.search(r" is (\S+) - it is shown only now", text)
    assert found is not None, text
    return found[1]


def add(client: Client, page: str, **fields: object) -> Any:
    return client.post(reverse(f"admin:{page}_add"), {name: value for name, value in fields.items() if value != ""})
