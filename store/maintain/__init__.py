"""How a store is kept in order: verify, forget, export."""
