"""The OpenAPI document and its page; nothing of it is loaded from elsewhere."""

from typing import Any, ClassVar

from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.permissions import AllowAny
from rest_framework.request import Request


class KeptGenerator(SchemaGenerator):
    """Writes the document once a process: it is open to everybody, costs much to make and never changes."""

    _kept: ClassVar[dict[str, Any] | None] = None

    def get_schema(self, request: Request | None = None, public: bool = False) -> Any:
        """Return the document of the whole API."""
        if KeptGenerator._kept is None:
            KeptGenerator._kept = super().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
        return KeptGenerator._kept


class Schema(SpectacularAPIView):
    """The OpenAPI 3 document."""

    permission_classes = [AllowAny]
    generator_class = KeptGenerator


class Docs(SpectacularSwaggerSplitView):
    """Swagger UI with its script at an address of its own, which the content security policy asks for."""

    permission_classes = [AllowAny]
    template_name = "api/docs.html"
    url_name = "api:schema"
