"""What the classes look like: each function draws one object with a Kit."""
