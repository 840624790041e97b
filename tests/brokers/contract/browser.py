"""What a person does to sign in: the broker's page, its button, and what the browser is sent back with."""

from collections.abc import Mapping
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urljoin, urlsplit

import aiohttp

if TYPE_CHECKING:
    from tests.brokers.contract.bench import Bench


class _Form(HTMLParser):
    """A page's form: where it goes, and its hidden fields."""

    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            self.action = given.get("action") or ""
        if tag == "input" and given.get("name"):
            self.fields[str(given["name"])] = given.get("value") or ""


async def browse(bench: "Bench", url: str, name: str) -> Mapping[str, str]:
    """Open a broker's page, press its button, and return the query it sends the browser back with."""
    async with aiohttp.ClientSession() as session:
        async with session.get(url) as page:
            assert page.status == 200, await page.text()
            form = _Form()
            form.feed(await page.text())
        filled = {**form.fields, "client": name}
        async with session.post(urljoin(url, form.action), data=filled, allow_redirects=False) as sent_back:
            assert sent_back.status == 302, await sent_back.text()
            return dict(parse_qsl(urlsplit(sent_back.headers["Location"]).query))


async def code(bench: "Bench", name: str) -> str:
    """Return what the redirect after a sign-in would carry."""
    granted = await bench.control("request-token", {"client": name})
    return str(granted["request_token"])
