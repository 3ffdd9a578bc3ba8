"""An emulated AWS account on this machine, for rehearsals."""
