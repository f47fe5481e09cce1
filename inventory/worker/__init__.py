"""What runs beside the views: gunicorn's settings and hooks, core pinning, the sync thread."""
