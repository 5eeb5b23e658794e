"""The runtimes of generated programs, by language: texts, of which a program gets what it uses."""
