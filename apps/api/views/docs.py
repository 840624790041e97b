"""The OpenAPI document and its page; nothing of it is loaded from elsewhere."""

from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.permissions import AllowAny


class Schema(SpectacularAPIView):
    """The OpenAPI 3 document."""

    permission_classes = [AllowAny]


class Docs(SpectacularSwaggerSplitView):
    """Swagger UI with its script at an address of its own, which the content security policy asks for."""

    permission_classes = [AllowAny]
    template_name = "api/docs.html"
    url_name = "api:schema"
