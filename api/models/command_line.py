"""The configuration that Tortoise's own command line reads: `tortoise makemigrations`. Nothing else imports it."""

import os

from api.models.database import configuration
from api.settings import Settings

CONFIGURATION = configuration(os.environ.get("DATABASE_URL", Settings.database_url))
