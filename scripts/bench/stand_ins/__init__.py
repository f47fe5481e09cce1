"""Usual designs to compare with: the same adjust, count and read, each on a store that people usually keep stock in.

``views`` is the HTTP of all three, ``stock`` what it needs of a store of stock; ``postgresql``, ``sqlite`` and
``json_files`` keep it. Each answers a change when it is durable, and loses no update. They do less than the
service: nothing is admitted, logged, counted, published or verified, and no request is limited. What they leave out
makes them faster, never slower.
"""
