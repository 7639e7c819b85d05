"""Attacks: what broke once, or was tried in earnest and must never break."""
