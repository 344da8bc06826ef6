"""The drill (停电通知演练): how long it takes to tell every household, and what faults cost.

The house's own code works on the embedded store; gateway, queues, workers and the network between
them are simulated under a clock of their own, so a drill of an hour takes what its computing takes.
No text leaves: the gateway is a list.
"""
