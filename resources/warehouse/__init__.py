"""The harbour: tables that hold, per record, the newest image that was seen."""
