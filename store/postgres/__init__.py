"""The database of a store: its server, its schema, connections, roles and locks."""
