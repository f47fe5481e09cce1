"""The write path, the ports that storage implements, and the sync pass."""
