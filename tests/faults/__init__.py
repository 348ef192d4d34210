"""What is killed, and what must survive it."""
