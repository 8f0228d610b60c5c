"""The service: parsing over HTTP. Its files in the order of a request: settings, guard, app, batches, answers."""
