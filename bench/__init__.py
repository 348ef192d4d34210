"""How fast Lucid is, side by side with what a partner would pick instead. See README.md."""
