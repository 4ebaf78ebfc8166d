"""The store: SQLite, one writer, one lock. What is paid for once is kept; see ``docs/store.md``."""
