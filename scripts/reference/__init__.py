"""The parts of docs/reference on settings, metrics, commands and errors, generated from the code that defines them.

`pages` finds the place of each generated part in its page and writes it; `tables` makes those of settings, metrics and
errors, `commands` that of the commands. The text around a generated part is written by hand, in the page itself.
"""
