"""The product's addresses and a bare one: the same server and middleware, no database."""

from django.http import HttpRequest, JsonResponse
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt


@csrf_exempt
def bare(request: HttpRequest) -> JsonResponse:
    """Read the body and answer."""
    return JsonResponse({"status": "accepted", "signal": len(request.body)}, status=202)


urlpatterns = [path("bare/", bare), path("", include("config.urls"))]
