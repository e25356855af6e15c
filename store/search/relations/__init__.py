"""How things stand to one another: shapes, and predicates over them as pure geometry."""
