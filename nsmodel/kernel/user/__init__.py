"""User namespaces: making them, their maps, limits, and what credentials do in them."""
