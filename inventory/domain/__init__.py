"""The rules of stock, as values and pure functions: no Flask, no files, no clock, no threads."""
