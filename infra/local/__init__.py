"""The platform on one machine: the same functions under our own runner.

`python3 infra/dev.py run` is the entry. `runner` starts everything and stops it; `store` is the
embedded DynamoDB; `gateway`, `schedules`, `queues` and `streams` call the functions as AWS would;
`issuer` signs the demo staff in. Nothing here is deployed.
"""
