"""The runtime of pytest modules: what a case uses of it is written into its module, file after file."""
