"""How what ingest computed becomes part of the store: files first, then one transaction that names them."""
