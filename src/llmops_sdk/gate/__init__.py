"""May this candidate be shipped: conditions on a finished run, with the statistics of the verdict."""
