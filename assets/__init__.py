"""What is produced: factories that take a spec and give Dagster assets. They know no YAML."""
