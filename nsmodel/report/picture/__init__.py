"""Pictures of traces, as SVG text that needs nothing beside it: no script, no style sheet, no font file."""
