"""The only HTTP of the house: problem and access, what was asked, then a module an audience."""
