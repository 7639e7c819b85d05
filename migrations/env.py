"""Alembic's entry: runs the migrations on the connection that collect hands over, in batch mode for SQLite."""

from alembic import context

from collect.storage import schema


def run() -> None:
    connection = context.config.attributes.get("connection")
    if connection is None:
        from collect import settings
        from collect.storage import database

        with database.make_engine(settings.load().database_url).connect() as own:
            context.configure(connection=own, target_metadata=schema.metadata, render_as_batch=True)
            with context.begin_transaction():
                context.run_migrations()
            own.commit()
        return
    context.configure(connection=connection, target_metadata=schema.metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()


run()
