"""Bank statements as banks write them: camt, MT940, OFX, and the tables of Chinese banks and wallets."""
