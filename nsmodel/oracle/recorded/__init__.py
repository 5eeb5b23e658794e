"""Recordings of real programs as judge: what each call must have done, and what was seen after it."""
