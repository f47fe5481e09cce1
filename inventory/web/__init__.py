"""The HTTP contract on Flask: parse a request, call the service, present the answer."""
