"""How much time and memory one client can cost the service, measured over HTTP on a real server.

`cli` is the command, `figures` the list of what is measured; each figure is a function in the module of its subject
(`holds`, `stores`, `batches`, `keys`, `logs`) that starts a server, fills it and looks. `api` asks the server.
"""
