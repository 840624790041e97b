"""Settings every deployment shares; each value a deployment may change comes from the environment."""

from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

from environs import Env

from config import broker
from config.schedule import CELERY_BEAT_SCHEDULE  # noqa: F401  # Celery reads it from the settings
from config.settings.unfold import UNFOLD  # noqa: F401

env = Env()

BASE_DIR = Path(__file__).resolve().parents[3]
STATE_DIR = Path(env.str("STATE_DIR", str(BASE_DIR / "var")))

BRAND = env.str("BRAND", "vayda")
BUILD_ID = env.str("BUILD_ID", "dev")
PROCESS = env.str("VAYDA_PROCESS", "manage")
SHARD = env.int("VAYDA_SHARD", 0)
# Only to tell hosts apart that their names do not: processes under one HOST_ID must see each other's pids.
HOST_ID = env.str("HOST_ID", "")
SHARDS = env.int("SHARDS", 1)
MARKET_CLOCK = env.str("MARKET_CLOCK", "")
DEMO = env.bool("DEMO", False)
# Where a demo's live accounts are: some brokers' slugs, or all.
DEMO_BROKERS: list[str] = env.list("BROKERS", ["zerodha"])

SECRET_KEY = env.str("SECRET_KEY", "")
MASTER_KEY = env.str("MASTER_KEY", "")
# Those it replaced, until ``manage.py rotate_keys`` has sealed everything anew.
MASTER_KEYS_BEFORE: list[str] = env.list("MASTER_KEYS_BEFORE", [])
METRICS_TOKEN = env.str("METRICS_TOKEN", "")
BASE_URL = env.str("BASE_URL", "http://127.0.0.1:8800")
LIVE_URL = env.str("LIVE_URL", "")
FLOWER_URL = env.str("FLOWER_URL", "")
SIMULATOR_URL = env.str("SIMULATOR_URL", "")
TRUSTED_PROXIES: list[str] = env.list("TRUSTED_PROXIES", [])

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "config.admin.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_celery_beat",
    "channels",
    "bus",
    "apps.tenants",
    "apps.users",
    "apps.audit",
    "apps.plans",
    "apps.markets",
    "apps.notifications",
    "apps.broker_accounts",
    "apps.risk",
    "apps.trading",
    "apps.strategies",
    "apps.api",
    "apps.dashboard",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
ASGI_APPLICATION = "config.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "apps.dashboard.context.brand",
            ],
        },
    },
]

DATABASES = {"default": env.dj_db_url("DATABASE_URL", "postgres:///vayda", conn_max_age=600, conn_health_checks=True)}
DATABASES["default"]["OPTIONS"] = {
    "connect_timeout": 5,
    # A cable that was cut is noticed within a lease, on both ends of the silence.
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    **DATABASES["default"].get("OPTIONS", {}),
}
if PROCESS.partition("-")[0] in ("execution", "signals", "feed"):
    # A leader that froze or was cut off in the middle of a transaction must not keep its successor from its locks.
    DATABASES["default"]["OPTIONS"].setdefault("options", "-c idle_in_transaction_session_timeout=10s")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.str("REDIS_URL", "redis://127.0.0.1:6379")


def redis_url(db: int) -> str:
    """Return the URL of one numbered Redis database on the deployment's Redis."""
    separator = "&" if "?" in REDIS_URL else "?"
    return f"{REDIS_URL}{separator}db={db}" if REDIS_URL.startswith("unix:") else f"{REDIS_URL.rstrip('/')}/{db}"


def celery_url() -> str:
    """Return the Redis URL in the form kombu reads (``redis+socket`` for a unix socket)."""
    parts = urlsplit(REDIS_URL)
    return f"redis+socket://{parts.path}?virtual_host=0" if parts.scheme == "unix" else redis_url(0)


REDIS_BUS_URL = redis_url(1)
REDIS_CHANNELS_URL = redis_url(2)
CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_BUS_URL}}
CHANNEL_LAYERS = {
    "default": {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": {"hosts": [REDIS_CHANNELS_URL]}}
}

# Redis unless said otherwise; ticks, live events and caches are on Redis in any case.
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", "") or celery_url()
CELERY_BROKER_TRANSPORT_OPTIONS = broker.transport_options(CELERY_BROKER_URL)
CELERY_BROKER_CONNECTION_TIMEOUT = broker.CONNECT_SECONDS
CELERY_BROKER_HEARTBEAT = broker.HEARTBEAT_SECONDS
CELERY_TASK_DEFAULT_QUEUE_TYPE = CELERY_TASK_CREATE_MISSING_QUEUE_TYPE = broker.queue_type(CELERY_BROKER_URL)
CELERY_BROKER_NATIVE_DELAYED_DELIVERY_QUEUE_TYPE = "classic"

AUTH_USER_MODEL = "users.User"
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend", "apps.users.backends.RoleBackend"]
LOGIN_URL = "dashboard:login"
LOGIN_REDIRECT_URL = "dashboard:home"
LOGOUT_REDIRECT_URL = "dashboard:login"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
SESSION_COOKIE_AGE = 12 * 60 * 60
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
# Two checkouts on one host (different ports) share a cookie jar: the port in the name keeps their sessions apart.
SESSION_COOKIE_NAME = f"{BRAND}_session_{urlsplit(BASE_URL).port or 443}"
CSRF_COOKIE_NAME = f"{BRAND}_csrf_{urlsplit(BASE_URL).port or 443}"

LANGUAGE_CODE = "en-in"
TIME_ZONE = "Asia/Kolkata"
USE_TZ = True
USE_I18N = False

STATIC_URL = "/static/"
STATIC_ROOT = STATE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "connect-src": ["'self'", *([LIVE_URL] if LIVE_URL else [])],
        "frame-ancestors": ["'none'"],
        "form-action": ["'self'"],
        "base-uri": ["'self'"],
    },
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["apps.api.authentication.BearerKey"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_PAGINATION_CLASS": "apps.api.pagination.NewestFirst",
    "PAGE_SIZE": 50,
    "EXCEPTION_HANDLER": "apps.api.errors.handle",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": f"{BRAND.replace('-', ' ').title()} API",
    "VERSION": "1",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
}

# What the platform promises to its users about time; wall seconds unless the name says otherwise.
FEED_STALE_SECONDS = env.float("FEED_STALE_SECONDS", 3.0)
BROKER_TIMEOUT_SECONDS = env.float("BROKER_TIMEOUT_SECONDS", 7.0)
LEASE_SECONDS = env.float("LEASE_SECONDS", 12.0)
SWEEP_SECONDS = env.float("SWEEP_SECONDS", 1.0)
UNKNOWN_ALERT_SECONDS = env.float("UNKNOWN_ALERT_SECONDS", 5.0)
CHASE_SECONDS = env.float("CHASE_SECONDS", 1.5)
SIGNAL_MAX_AGE_SECONDS = env.float("SIGNAL_MAX_AGE_SECONDS", 60.0)
ENTRY_PROTECTION_PERCENT = env.decimal("ENTRY_PROTECTION_PERCENT", Decimal(3))
EXIT_PROTECTION_PERCENT = env.decimal("EXIT_PROTECTION_PERCENT", Decimal(3))
PAPER_SLIPPAGE_TICKS = env.int("PAPER_SLIPPAGE_TICKS", 1)

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "bus.logs.JsonFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": env.str("LOG_LEVEL", "INFO")},
    "loggers": {
        "django.server": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},
        "urllib3": {"level": "WARNING"},
        # A line for each wake-up and each beat would drown what happened.
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},
    },
}
