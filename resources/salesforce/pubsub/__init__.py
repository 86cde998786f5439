"""The Pub/Sub API of one org: change events and platform events, received, decoded, published."""
