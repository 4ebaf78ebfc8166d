"""Other tools' files and logs as eval sets and recorded answers; one format a file, found through ``registry``."""
