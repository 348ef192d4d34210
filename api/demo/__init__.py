"""The demo data: the programmes that Lucid was made for, and some weeks in the life of people who do not exist."""

from api.demo.load import load_demo

__all__ = ["load_demo"]
