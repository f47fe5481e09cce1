"""Locks, leases, retry, circuit breakers, bulkheads and limits: small parts that do not depend on the domain."""
