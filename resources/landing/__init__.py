"""The landing store: raw result pages, their manifests, and the ledger of extracts."""
