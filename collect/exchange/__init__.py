"""Files in and out: what people and other programs hand us as tables, and what we hand them."""
