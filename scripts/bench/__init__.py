"""The benchmark: real servers driven in turn, the figures of one run compared with one another.

``contestants`` says what is compared, ``traffic`` what is asked of it, ``server`` starts it, ``driving``
drives it (with ``own_driver`` or ``wrk``), ``check`` looks whether it was right, ``rounds`` alternates,
``report`` works out medians and ratios. Never part of the gate: nothing here fails because it is slow.
"""
