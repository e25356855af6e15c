"""ovstore-bench-2: small houses of rooms, in each of which chance decides what is there and what is not."""
