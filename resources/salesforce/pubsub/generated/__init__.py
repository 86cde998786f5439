"""What protoc makes of Salesforce's `pubsub_api.proto` (CC0, see LICENSE); never edited.

`python -m tests.resources.salesforce.pubsub.regenerate` writes it anew.
"""
