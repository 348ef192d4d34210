"""Facts, numbered and told: the sealer that orders them, and the feed that brings them to those who follow."""
