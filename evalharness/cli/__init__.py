"""Floor 5: the command line. Reads arguments, prints, sets the exit code; decides nothing."""
