"""The rules, pure: standard library only, no clock, no I/O, no float; facts in, decisions with reasons out."""
