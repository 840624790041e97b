"""One command: finds or embeds Postgres and Redis, prepares the database, supervises, prints the URLs."""
