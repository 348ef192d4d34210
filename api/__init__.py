"""Lucid: green actions become low-carbon energy, energy becomes donations, and NGOs hear of each one."""
