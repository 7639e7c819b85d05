"""The read side: one question, one answer as data; pages, API, files and PDFs render the same answer."""
