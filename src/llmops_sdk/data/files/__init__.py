"""Files of rows: which format a file has, and its rows as a stream."""
