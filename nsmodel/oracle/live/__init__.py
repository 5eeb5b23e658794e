"""The running kernel as judge: random traces and replays, in sandboxes of real tasks."""
