"""collect: an accounts-receivable collection manager."""

__version__ = "0.1.0"
