"""The service: parsing over HTTP. A request passes run, guard, app, parsing, batches and answers."""
