"""The Pub/Sub API: a gRPC server over the org's event bus."""
