"""The journeys (用例), one module each: load, let the domain decide, save. No web, no clock."""
