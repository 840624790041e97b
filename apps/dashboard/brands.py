"""White-label packs: ``platform/brands/<slug>/`` holds names, colours, a logo and legal texts, and no code."""

import hashlib
import re
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings

_SLUG = re.compile(r"^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$")
_COLOR = re.compile(r"^#[0-9a-fA-F]{6}$")
_ACTIVE_SVG = re.compile(
    r"<script|<foreignobject|\son\w+\s*=|javascript:|<!entity|(?:href|src)\s*=\s*[\"'](?!#)", re.IGNORECASE
)
_ACTIVE_CSS = re.compile(r"@import|url\s*\(|expression\s*\(|</|\\", re.IGNORECASE)


class BadBrand(ValueError):
    """A pack is missing or malformed; the message names the file and the field."""


@dataclass(frozen=True, slots=True)
class Document:
    """A legal text in paragraphs; ``version`` is empty where nobody has to acknowledge it."""

    slug: str
    title: str
    paragraphs: tuple[str, ...]
    version: str = ""


@dataclass(frozen=True, slots=True)
class Brand:
    """A pack, read and checked. ``css`` and ``logo`` are file contents, ``etag`` is quoted as HTTP wants it."""

    slug: str
    name: str
    tagline: str
    legal_name: str
    support_email: str
    color_light: str
    color_dark: str
    css: str
    logo: str
    risk: Document
    documents: tuple[Document, ...]
    etag: str


def brands_dir() -> Path:
    """Return the folder of all packs."""
    return Path(settings.BASE_DIR) / "platform" / "brands"


def is_slug(text: str) -> bool:
    """Whether the text may name a pack (and so never leaves the folder)."""
    return _SLUG.fullmatch(text) is not None


@lru_cache(maxsize=32)
def load_brand(slug: str) -> Brand:
    """Read a pack once per process. Raises ``BadBrand``."""
    return read_brand(brands_dir() / slug) if is_slug(slug) else _refuse(slug, "is no brand's name")


def read_brand(folder: Path) -> Brand:
    """Read the pack in a folder. Raises ``BadBrand`` naming what is missing or wrong."""
    raw = _toml(folder)
    css, logo = _checked(folder / "theme.css", _ACTIVE_CSS), _checked(folder / "logo.svg", _ACTIVE_SVG)
    risk = _table(folder, raw, "risk")
    colors = _table(folder, raw, "colors")
    return Brand(
        slug=folder.name,
        name=_text(folder, raw, "name"),
        tagline=_text(folder, raw, "tagline"),
        legal_name=_text(folder, raw, "legal_name"),
        support_email=_text(folder, raw, "support_email"),
        color_light=_color(folder, colors, "light"),
        color_dark=_color(folder, colors, "dark"),
        css=css,
        logo=logo,
        risk=_document(folder, {**risk, "slug": "risk"}, version=_text(folder, risk, "version")),
        documents=tuple(_document(folder, entry, version="") for entry in raw.get("documents", [])),
        etag=f'"{hashlib.sha256((css + logo).encode()).hexdigest()[:20]}"',
    )


def _refuse(what: object, why: str) -> Any:
    raise BadBrand(f"{what} {why}")


def _toml(folder: Path) -> dict[str, Any]:
    path = folder / "brand.toml"
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadBrand(f"{path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadBrand(f"{path} is not valid TOML: {error}") from error


def _file(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadBrand(f"{path} cannot be read: {error}") from error


def _checked(path: Path, forbidden: re.Pattern[str]) -> str:
    text = _file(path)
    found = forbidden.search(text)
    return _refuse(path, f"may not contain {found[0]!r}") if found else text


def _table(folder: Path, raw: dict[str, Any], key: str) -> dict[str, Any]:
    value = raw.get(key)
    return value if isinstance(value, dict) else _refuse(folder / "brand.toml", f"needs a table [{key}]")


def _text(folder: Path, raw: dict[str, Any], key: str) -> str:
    value = raw.get(key)
    if not isinstance(value, str) or not value.strip():
        return str(_refuse(folder / "brand.toml", f"needs a text for {key!r}"))
    return value.strip()


def _color(folder: Path, raw: dict[str, Any], key: str) -> str:
    value = _text(folder, raw, key)
    return (
        value
        if _COLOR.fullmatch(value)
        else str(_refuse(folder / "brand.toml", f"{key!r} must read #rrggbb, not {value!r}"))
    )


def _document(folder: Path, entry: dict[str, Any], *, version: str) -> Document:
    path = (folder / _text(folder, entry, "file")).resolve()
    if not path.is_relative_to(folder.resolve()):
        _refuse(folder / "brand.toml", f"points outside the pack: {path.name!r}")
    paragraphs = tuple(part.strip() for part in re.split(r"\n\s*\n", _file(path)) if part.strip())
    return Document(_text(folder, entry, "slug"), _text(folder, entry, "title"), paragraphs, version)
