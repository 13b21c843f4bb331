"""Pure business rules: facts in, changes out. No IO, no clock."""
