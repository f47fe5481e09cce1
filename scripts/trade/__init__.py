"""Trade against a running deployment, over HTTP alone: a flash sale, and the replay of real orders."""
