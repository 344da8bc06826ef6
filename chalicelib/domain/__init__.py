"""The business (业务), pure: standard library only, no clock, no dice, no network."""
