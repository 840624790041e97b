"""One command: finds or embeds Postgres and Redis, prepares the database, supervises every process, prints the URLs."""
