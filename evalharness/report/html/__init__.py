"""The report page: one self-contained HTML file (``page.py`` builds it, ``page.jinja``, ``page.css``, ``page.js``)."""
