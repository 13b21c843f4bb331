"""The control commands, one small function each; `table` says which there are and who may."""
