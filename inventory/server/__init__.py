"""What runs beside the views: gunicorn's settings and hooks, its worker class, core pinning, periodic jobs."""
