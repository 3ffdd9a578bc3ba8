"""The plugin `fmeval`: the algorithms of FMEval itself as evaluators, in a process of their own."""
