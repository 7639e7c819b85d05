"""The verbs: each loads facts, asks the rules, writes, and leaves an audit note; no Flask here."""
