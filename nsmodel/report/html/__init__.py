"""A trace as one HTML page that needs nothing beside it: every state is in the page, a script steps through them, and
without it, and on paper, the steps follow each other."""
