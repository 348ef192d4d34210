"""Compares compiled execution with graphql-core's: generated operations, on two schemas, in worlds that misbehave.

`worlds` decides what resolvers do, `awaitables` and `values` make what they return, `operations` writes documents for
any schema, `executors` runs them both ways and `comparison` says where the two differ. By hand, for as long as you
like: `python -m tests.execution.differ --minutes 60`.
"""
