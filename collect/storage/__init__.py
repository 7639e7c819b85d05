"""The database: SQLAlchemy lives here; each noun file holds its tables, its reads (as facts) and its writes."""
