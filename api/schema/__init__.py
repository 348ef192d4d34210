"""Nouns: what partners see, one file each, with a description for every name."""
