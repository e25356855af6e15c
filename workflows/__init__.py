"""One file per verb: what several rooms do together, for the command line and every other program."""
