"""The tests: a mirror of `api`, on real databases."""
