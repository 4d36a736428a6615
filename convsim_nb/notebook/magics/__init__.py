"""`%convsim`: its verbs, their arguments, completion and help."""
