"""How many mounts a few calls can make (CVE-2016-6213)."""
