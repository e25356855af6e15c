"""The schema's diary (Alembic): one change each, never importing today's code."""
