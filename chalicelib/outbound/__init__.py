"""The only network besides the store: texts, webhooks, files, seals, queue, issuer's keys."""
