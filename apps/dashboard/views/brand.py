"""The brand's stylesheet and logo: cacheable, validated by ETag."""

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified
from django.views.decorators.http import require_safe

from apps.dashboard.brands import BadBrand, Brand, load_brand

_MAX_AGE = "public, max-age=300"


def _load(slug: str) -> Brand:
    try:
        return load_brand(slug)
    except BadBrand as error:
        raise Http404 from error


def _answer(request: HttpRequest, own: Brand, body: str, content_type: str) -> HttpResponse:
    known = [tag.strip() for tag in request.headers.get("If-None-Match", "").split(",")]
    response: HttpResponse = (
        HttpResponseNotModified() if own.etag in known else HttpResponse(body, content_type=content_type)
    )
    response["ETag"] = own.etag
    response["Cache-Control"] = _MAX_AGE
    return response


@require_safe
def stylesheet(request: HttpRequest, slug: str) -> HttpResponse:
    """Return the brand's colours."""
    own = _load(slug)
    return _answer(request, own, own.css, "text/css; charset=utf-8")


@require_safe
def logo(request: HttpRequest, slug: str) -> HttpResponse:
    """Return the brand's logo."""
    own = _load(slug)
    return _answer(request, own, own.logo, "image/svg+xml")
