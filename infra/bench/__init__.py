"""What things cost: `python -m infra.bench`, which `make bench` runs.

Counts by DynamoDB's billing rules, bytes and machine instructions, or ratios within one run; never
a time against another day's. `table` says what a row is, `meter` bills calls, `scene` sets up what
is measured, `costs`, `machine` and `package` measure. `inference` is a command of its own: how well
failed devices are found on real networks.
"""
